//! Token verification: compact JWS in, claims or a reason out (spec: `auth.md` 6.1, RFC 7515/7519).
