//! Port 4010, the management API.
