//! A `target_url`: scheme and host of a back end (spec: `api-definitions.md` 1.4).
//!
//! Reads `https://host`, `host`, either with a port and a path, which are reported but never used:
//! `proxy.port` is the port, and paths come from the request. User-info, query and fragment are
//! refused, as they would silently do nothing. Deliberately absent: environment variables.

#[cfg(test)]
mod tests;

use std::net::Ipv6Addr;

/// Longest host name (RFC 1035, 2.3.4, in text form).
const HOST_BYTES_MAX: usize = 253;

/// What a `target_url` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetUrl<'a> {
    /// The scheme is `https`; without scheme it is `http`.
    pub https: bool,
    /// Host name or address, IPv6 without brackets.
    pub host: &'a str,
    /// The port it names, without effect.
    pub port: Option<u16>,
    /// The path it names, without effect; empty or starting with `/`.
    pub path: &'a str,
}

/// Why a `target_url` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a host or a URL")]
pub struct NotATarget;

// === impl TargetUrl ===

impl<'a> TargetUrl<'a> {
    /// Reads `text`.
    ///
    /// # Errors
    /// Another scheme than `http` and `https`, no host or one that cannot be, a port beyond 65535,
    /// user-info, query or fragment.
    pub fn parse(text: &'a str) -> Result<Self, NotATarget> {
        let (https, rest) = match text.split_once("://") {
            None => (false, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some(_) => return Err(NotATarget),
        };
        if rest.contains(['?', '#']) || rest.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(NotATarget);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = host_and_port(authority)?;
        Ok(Self {
            https,
            host,
            port,
            path,
        })
    }
}

/// Splits `host`, `host:port`, `[v6]`, `[v6]:port`; a bare IPv6 address is a host too.
fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), NotATarget> {
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Ok((authority, None));
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(NotATarget)?;
            host.parse::<Ipv6Addr>().map_err(|_| NotATarget)?;
            if after.is_empty() {
                return Ok((host, None));
            }
            (host, after.strip_prefix(':').ok_or(NotATarget)?)
        }
        None => {
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            };
            if !is_host_name(host) {
                return Err(NotATarget);
            }
            match port {
                None => return Ok((host, None)),
                Some(port) => (host, port),
            }
        }
    };
    // `u16::from_str` would take a sign.
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotATarget);
    }
    let port = port.parse().map_err(|_| NotATarget)?;
    Ok((host, Some(port)))
}

/// Letters, digits, `-`, `.` and the `_` that container names use; names in other scripts have to
/// be written in their ASCII form (RFC 5890), as nothing behind this translates them.
fn is_host_name(host: &str) -> bool {
    host.len() <= HOST_BYTES_MAX
        && host.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}
