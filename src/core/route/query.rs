//! Query strings: what of a replacement joins the request's, and single parameters set by the
//! gateway (spec: `proxying.md` 3.3, steps 4 and 5).
//!
//! The request's own query is never decoded and re-encoded, only cut at `&`. Names are compared
//! after decoding, so that `%61=1` uses the name `a`. Deliberately absent: nesting (`a[b]=c` is a
//! parameter named `a[b]`).

/// Appends to `target` a `?` and the parameters of `defaults` whose names `query` does not use,
/// followed by `query` as it is; nothing at all if neither has any.
pub fn append(target: &mut String, defaults: &str, query: Option<&str>) {
    let query = query.unwrap_or_default();
    let mut separator = '?';
    let kept = parameters(defaults).filter(|default| !uses(query, name(default)));
    for part in kept.chain((!query.is_empty()).then_some(query)) {
        target.push(separator);
        target.push_str(part);
        separator = '&';
    }
}

/// `query` without its parameters called `name`, and with `name=value` at its end. Both are taken
/// as they are, so they must be safe in a query string.
pub fn set(query: Option<&str>, name: &str, value: &str) -> String {
    let query = query.unwrap_or_default();
    let mut out = String::with_capacity(query.len() + name.len() + value.len() + 2);
    if uses(query, name) {
        for other in parameters(query).filter(|p| !same(self::name(p), name)) {
            out.push_str(other);
            out.push('&');
        }
    } else if !query.is_empty() {
        out.push_str(query);
        out.push('&');
    }
    out.push_str(name);
    out.push('=');
    out.push_str(value);
    out
}

fn uses(query: &str, name: &str) -> bool {
    parameters(query).any(|parameter| same(self::name(parameter), name))
}

fn parameters(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|parameter| !parameter.is_empty())
}

fn name(parameter: &str) -> &str {
    parameter
        .split_once('=')
        .map_or(parameter, |(name, _)| name)
}

fn same(a: &str, b: &str) -> bool {
    a == b || decoded(a).eq(decoded(b))
}

/// The bytes of a form-encoded name; a malformed escape stands for itself.
fn decoded(text: &str) -> impl Iterator<Item = u8> {
    let mut bytes = text.bytes();
    std::iter::from_fn(move || {
        let byte = match bytes.next()? {
            b'+' => b' ',
            b'%' => {
                let mut ahead = bytes.clone();
                let mut digit = || char::from(ahead.next()?).to_digit(16);
                match (digit(), digit()) {
                    (Some(high), Some(low)) => {
                        bytes = ahead;
                        (high << 4 | low) as u8
                    }
                    _ => b'%',
                }
            }
            byte => byte,
        };
        Some(byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_the_replacement_come_first_unless_the_request_uses_their_name() {
        for (defaults, query, expected) in [
            ("", None, "/q"),
            ("", Some(""), "/q"),
            ("", Some("a"), "/q?a"),
            ("", Some("b=2&a=1&&a=3;x=%zz&"), "/q?b=2&a=1&&a=3;x=%zz&"),
            ("fixed=1&id=5", None, "/q?fixed=1&id=5"),
            ("fixed=1&id=5", Some(""), "/q?fixed=1&id=5"),
            ("fixed=1&id=5", Some("z=9"), "/q?fixed=1&id=5&z=9"),
            ("fixed=1&id=5", Some("fixed=2"), "/q?id=5&fixed=2"),
            ("fixed=1", Some("fixed=2&fixed=3"), "/q?fixed=2&fixed=3"),
            ("fixed=1&fixed=2", Some("a"), "/q?fixed=1&fixed=2&a"),
            ("fixed=1", Some("fixed"), "/q?fixed"),
            ("fixed=1", Some("%66ixe%64=2"), "/q?%66ixe%64=2"),
            ("%66ixed=1", Some("fixed=2"), "/q?fixed=2"),
            ("a+b=1", Some("a%20b=2"), "/q?a%20b=2"),
            ("a+b=1", Some("a%2Bb=2"), "/q?a+b=1&a%2Bb=2"),
            ("a%=1", Some("a%25=2"), "/q?a%25=2"),
            ("a%4=1", Some("a%4"), "/q?a%4"),
            ("A=1", Some("a=2"), "/q?A=1&a=2"),
            ("a=1", Some("a[]=2"), "/q?a=1&a[]=2"),
            ("a[]=1", Some("a%5b%5D=2"), "/q?a%5b%5D=2"),
            ("=1", Some("a"), "/q?=1&a"),
            ("&&a=1&", Some("b"), "/q?a=1&b"),
        ] {
            let mut target = "/q".to_owned();
            append(&mut target, defaults, query);
            assert_eq!(target, expected, "{defaults} {query:?}");
        }
    }

    #[test]
    fn a_parameter_set_by_the_gateway_replaces_the_clients_own_and_leaves_the_rest_alone() {
        for (query, name, value, expected) in [
            (None, "c", "d", "c=d"),
            (Some(""), "c", "d", "c=d"),
            (Some("a=b&b=c"), "c", "d", "a=b&b=c&c=d"),
            (Some("a=b&b=c"), "a", "z", "b=c&a=z"),
            (Some("a=1&b&a&%61=2"), "a", "z", "b&a=z"),
            (Some("b&&c"), "a", "z", "b&&c&a=z"),
            (
                Some("correlation=forged"),
                "correlation",
                "id=",
                "correlation=id=",
            ),
        ] {
            assert_eq!(set(query, name, value), expected, "{query:?}");
        }
    }
}
