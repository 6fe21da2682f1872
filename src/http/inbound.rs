//! Port 4000, the proxy.
