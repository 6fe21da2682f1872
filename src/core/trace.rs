//! W3C trace context (spec: `observability.md` 9.3).
