//! docs/settings.md, written from the table and compared with it in a test, so that it cannot drift.
//!
//! `UPDATE_DOCS=1 cargo test --lib settings` rewrites the file.

use std::fmt::Write as _;

use crate::config::settings::{Preset, Setting, later::LATER, table::SETTINGS};

const HEAD: &str = "\
# Settings

<!-- Written by `UPDATE_DOCS=1 cargo test --lib settings` from src/config/settings/table.rs. -->

Every setting is an environment variable and a flag: `INBOUND_PORT=4000` is `--inbound-port 4000`.
A flag wins over the environment, the environment over the default. An empty value counts as unset.
A secret can also come from a file: `API_TOKEN_FILE=/run/secrets/token` instead of `API_TOKEN`; a line
break at the end of the file is not part of the secret. Prefer that to the flag, for the arguments of a
process are visible to all users of the machine.

Relative paths of files mean the path as given, else the same path below `priv/` (in the working
directory, then beside the executable).

All faults are reported at once, on standard error, with exit code 2, before any port is opened.
";

const LATER_HEAD: &str = "
## Not supported yet

These variables of the original, or of features to come, are known but have no effect. Setting one
draws a warning at start.

| feature | variables |
|---|---|
";

const TAIL: &str = "
## Ignored

Variables that the original removed before version 3.0.0 are ignored: `API_PORT`, `KAFKA_GROUP_ID`,
`KAFKATOHTTP_*`, `FIREHOSE_*`, `PROXY_KAFKA_REQUEST_TOPIC`, `PROXY_KAFKA_REQUEST_AVRO`,
`PROXY_KINESIS_REQUEST_STREAM`, `JWT_BLACKLIST_DEFAULT_EXPIRY_HOURS`, `JWT_USER_FIELD`. So are
`KINESIS_CLIENT_JAR`, `KINESIS_OTP_JAR` and `REPLACE_OS_VARS`, which have no meaning here, and
`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`: where requests go is said by definitions alone.
";

/// The whole document.
fn document() -> String {
    let mut text = HEAD.to_owned();
    for group in SETTINGS {
        let _ = write!(
            text,
            "\n## {}\n\n| variable | flag | default | value | meaning |\n|---|---|---|---|---|\n",
            group.heading
        );
        for setting in group.settings {
            text.push_str(&row(setting));
        }
    }
    text.push_str(LATER_HEAD);
    for later in LATER {
        let variables: Vec<String> = later
            .variables
            .iter()
            .map(|variable| format!("`{variable}`"))
            .collect();
        let _ = writeln!(text, "| {} | {} |", later.feature, variables.join(", "));
    }
    text.push_str(TAIL);
    text
}

fn row(setting: &Setting) -> String {
    let default = match setting.default {
        Preset::Value(value) => format!("`{value}`"),
        Preset::Found(how) => how.to_owned(),
        Preset::Nothing => "-".to_owned(),
    };
    let file = setting
        .file_variable()
        .map_or_else(String::new, |file| format!(", or a file named by `{file}`"));
    let expects = setting.kind.expects().replace('|', "\\|");
    format!(
        "| `{}` | `--{}` | {default} | {expects}{file} | {}. |\n",
        setting.variable,
        setting.flag(),
        setting.help.replace('|', "\\|"),
    )
}

#[test]
fn the_documentation_of_the_settings_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");
    let expected = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &expected).expect("docs/settings.md can be written");
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/settings.md is out of date: run UPDATE_DOCS=1 cargo test --lib settings"
    );
}
