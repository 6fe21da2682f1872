//! Several gateways agree on their definitions without a store (cluster.md, parts 5 and 11).
//!
//! Every story runs the real program, one process per node. Those on loopback run always; those on a
//! network of namespaces need root and `RIG_TEST_NETNS=1`.

mod attacks;
mod borders;
mod conflicts;
mod extractors;
mod files;
mod lan;
mod lives;
mod operating;
mod spread;
mod versions;

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use crate::support::definition::{api, endpoint};

/// `/ID` leads to `/ID/VERSION` at `backend`.
fn versioned(id: &str, backend: SocketAddr, version: &str) -> Value {
    let replacement = json!({"path_replacement": format!("/{id}/{version}")});
    let lead = endpoint("lead", "GET", &format!("/{id}"), replacement);
    api(id, backend, &[lead])
}

/// The same where nothing is proxied.
fn unserved(id: &str, version: &str) -> Value {
    versioned(id, (Ipv4Addr::LOCALHOST, 9).into(), version)
}

/// A file's entry, written at this second of the year 2020.
fn filed(id: &str, version: &str, ref_number: u64, second: u32) -> Value {
    let mut definition = unserved(id, version);
    definition["ref_number"] = json!(ref_number);
    definition["timestamp"] = json!(format!("2020-01-01T00:00:{second:02}Z"));
    definition
}
