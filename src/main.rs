//! The program: understand the arguments, read the settings, start logging, run.
//!
//! Exit code 2 means that arguments, settings or definitions are faulty; nothing was started then,
//! and standard error says all of it in plain text.

use std::{io::Write as _, process::ExitCode};

use rig::{
    app,
    cli::{self, Command, Invocation, ask, check, local::Local},
    config::{
        Config,
        faults::ConfigFaults,
        files::Disk,
        vars::{Environment, Flags, Vars},
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
        Command::Ask { api_url, question } => {
            ask::run(&api_url, &question, &flags, &Environment, &Disk)
        }
        Command::Serve { local: None } => start(&flags, &Environment, app::serve),
        Command::Serve { local: Some(node) } => match Local::new(node, &flags, &Environment) {
            Ok(environment) => start(&flags, &environment, app::serve),
            Err(faults) => refuse(&faults),
        },
        Command::Demo { nodes: 1 } => {
            let flags = app::demo::flags(flags, &Environment);
            start(&flags, &Environment, app::demo::run)
        }
        Command::Demo { nodes } => app::demo::run_nodes(nodes),
    }
}

fn start(flags: &Flags, environment: &dyn Vars, run: fn(Config) -> ExitCode) -> ExitCode {
    match Config::load(flags, environment, &Disk) {
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
        Err(faults) => refuse(&faults),
    }
}

fn refuse(faults: &ConfigFaults) -> ExitCode {
    // Without standard error there is still the exit code.
    let _ = writeln!(std::io::stderr(), "rig: {faults}");
    ExitCode::from(check::FAULTY)
}
