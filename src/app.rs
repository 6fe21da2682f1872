//! The only wiring: builds cores, starts actors, binds the ports. Needs: all.
//!
//! TODO(lead): both functions are stand-ins for the wiring, which replaces this file.

use std::process::ExitCode;

use crate::config::Config;

/// Runs a gateway until it is told to stop.
pub fn serve(config: Config) -> ExitCode {
    log::error!("nothing is wired yet: {}", config.node_name);
    ExitCode::FAILURE
}

/// Runs a gateway on loopback with a demo upstream. `config` is bound to loopback and has no
/// definitions; the sample definitions are set here, once the upstream's port is known.
pub fn demo(config: Config) -> ExitCode {
    serve(config)
}
