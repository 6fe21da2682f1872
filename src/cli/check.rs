//! `rig check FILE|JSON`: the same checks as at start, without starting.
//!
//! The verdict is a value; writing it down is the last step, so that tests need no process.

use std::{fmt::Write as _, io::Write as _, process::ExitCode};

use crate::{
    config::{
        Config,
        files::Files,
        seed::{SeedFault, load},
        vars::{Flags, Vars},
    },
    core::api::{seed::Seed, validate::Surroundings},
};

/// Exit code for faulty settings, arguments or definitions.
pub const FAULTY: u8 = 2;

/// Checks the definitions of `subject` and tells: `ok: …` and warnings on standard output and 0, or
/// every fault on standard error and 2.
pub fn run(subject: &str, flags: &Flags, environment: &dyn Vars, files: &dyn Files) -> ExitCode {
    // A reader that has gone away does not change the verdict, so failures to write are ignored.
    match verdict(subject, flags, environment, files) {
        Ok(text) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(text) => {
            let _ = std::io::stderr().write_all(text.as_bytes());
            ExitCode::from(FAULTY)
        }
    }
}

fn verdict(
    subject: &str,
    flags: &Flags,
    environment: &dyn Vars,
    files: &dyn Files,
) -> Result<String, String> {
    let bytes_max = Config::definition_bytes_max(flags, environment, files)
        .map_err(|faults| format!("{faults}\n"))?;
    // Whether this machine holds the key says nothing about the node the definitions are for.
    let surroundings = Surroundings { has_key: true };
    match load(subject, bytes_max, files, &surroundings) {
        Ok(loaded) => Ok(praise(&loaded.seeds)),
        Err(fault) => Err(complaint(&fault)),
    }
}

/// The counts, and a line per warning.
fn praise(seeds: &[Seed]) -> String {
    let endpoints = seeds.iter().map(|seed| seed.api.endpoints.len()).sum();
    let mut text = format!(
        "ok: {}, {}\n",
        count(seeds.len(), "API"),
        count(endpoints, "endpoint")
    );
    for warning in seeds.iter().flat_map(|seed| &seed.warnings) {
        let _ = writeln!(text, "warning: {}: {}", warning.path, warning.message);
    }
    text
}

fn complaint(fault: &SeedFault) -> String {
    format!("{}\n", fault.to_string().trim_end())
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::{complaint, praise, verdict};
    use crate::{
        config::{files::Drawer, seed::SeedFault, vars::Flags},
        core::api::{Address, Api, Auth, document::Document, faults::Warning, seed::Seed},
    };

    fn seed(warnings: Vec<Warning>) -> Seed {
        let api = Api {
            id: "shop".into(),
            name: "Shop".to_owned(),
            versioned: false,
            auth: Auth::default(),
            proxy: Address {
                target_url: "shop.example".to_owned(),
                port: 80,
                use_env: false,
            },
            add_headers: [].into(),
            endpoints: Vec::new(),
        };
        Seed {
            document: Document::new(),
            api,
            ref_number: 0,
            timestamp_ms: None,
            warnings,
        }
    }

    #[test]
    fn good_definitions_are_counted() {
        assert_eq!(praise(&[]), "ok: 0 APIs, 0 endpoints\n");
        assert_eq!(praise(&[seed(Vec::new())]), "ok: 1 API, 0 endpoints\n");
    }

    #[test]
    fn warnings_follow_the_counts_with_their_path() {
        let warning = Warning {
            path: "shop/list".to_owned(),
            message: "is never reached".to_owned(),
        };
        assert_eq!(
            praise(&[seed(vec![warning])]),
            "ok: 1 API, 0 endpoints\nwarning: shop/list: is never reached\n"
        );
    }

    #[test]
    fn faults_end_with_exactly_one_line_break() {
        let fault = SeedFault::Faulty("api: name must be string\napi: id is missing\n".to_owned());
        assert_eq!(
            complaint(&fault),
            "api: name must be string\napi: id is missing\n"
        );
    }

    #[test]
    fn what_is_no_json_is_a_complaint() {
        let none = Flags::new();
        let complaint = verdict("apis.json", &none, &none, &Drawer::new()).unwrap_err();
        assert!(
            complaint.contains("\"priv/apis.json\": does not exist"),
            "{complaint}"
        );
    }

    #[test]
    fn a_faulty_size_limit_is_a_complaint() {
        let flags = Flags::from([("DEFINITION_BYTES_MAX".to_owned(), "9GiB".to_owned())]);
        let complaint = verdict("[]", &flags, &Flags::new(), &Drawer::new()).unwrap_err();
        assert!(complaint.contains("--definition-bytes-max"), "{complaint}");
    }
}
