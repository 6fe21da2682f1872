//! The program: understand the arguments, read the settings, start logging, run.
//!
//! Exit code 2 means that arguments, settings or definitions are faulty; nothing was started then,
//! and standard error says all of it in plain text.

use std::{io::Write as _, process::ExitCode};

use rig::{
    app,
    cli::{self, Command, Invocation, check},
    config::{
        Config,
        files::Disk,
        vars::{Environment, Flags},
    },
    telemetry::logging,
};

/// The allocator of the data plane (docs/adr/0002-data-plane-on-hyper.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Invocation { command, flags } =
        cli::parse(std::env::args_os()).unwrap_or_else(|answer| answer.exit());
    match command {
        Command::Check { subject } => check::run(&subject, &flags, &Environment, &Disk),
        Command::Serve => start(&flags, app::serve),
        Command::Demo => start(&flags, app::demo::run),
    }
}

fn start(flags: &Flags, run: fn(Config) -> ExitCode) -> ExitCode {
    match Config::load(flags, &Environment, &Disk) {
        Ok(config) => {
            logging::start(config.log.level, config.log.format);
            for notice in &config.notices {
                log::info!("{notice}");
            }
            for warning in &config.warnings {
                log::warn!("{warning}");
            }
            run(config)
        }
        Err(faults) => {
            // Without standard error there is still the exit code.
            let _ = writeln!(std::io::stderr(), "rig: {faults}");
            ExitCode::from(check::FAULTY)
        }
    }
}
