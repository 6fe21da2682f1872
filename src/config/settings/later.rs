//! Variables of features that are not there yet. Setting one draws a warning, for silence would look
//! as if it worked (spec: `config.md` 8.2 to 8.8, `names.md`).
//!
//! Deliberately absent: the variables removed before 3.0.0 (8.9), the Java helper's
//! (`KINESIS_CLIENT_JAR`, `KINESIS_OTP_JAR`), `REPLACE_OS_VARS`, and `AWS_*`, which are set on many
//! machines for other programs. They are ignored.

use crate::config::vars::Vars;

/// A feature that is not there yet.
#[derive(Debug, Clone, Copy)]
pub struct Later {
    /// What it is called in the warning.
    pub feature: &'static str,
    /// The variables that belong to it.
    pub variables: &'static [&'static str],
}

/// All of them.
pub const LATER: &[Later] = &[
    Later {
        feature: "Kafka",
        variables: &[
            "KAFKA_BROKERS",
            "KAFKA_SOURCE_TOPICS",
            "KAFKATOFILTER_KAFKA_GROUP_ID",
            "KAFKA_SERIALIZER",
            "KAFKA_SCHEMA_REGISTRY_HOST",
            "KAFKA_LOG_TOPIC",
            "KAFKA_LOG_SCHEMA",
            "KAFKA_SSL_ENABLED",
            "KAFKA_SSL_CA_CERTFILE",
            "KAFKA_SSL_CERTFILE",
            "KAFKA_SSL_KEYFILE",
            "KAFKA_SSL_KEYFILE_PASS",
            "KAFKA_SASL",
            "KAFKA_RESTART_DELAY_MS",
            "PROXY_KAFKA_RESPONSE_TIMEOUT",
            "PROXY_KAFKA_RESPONSE_TOPICS",
            "PROXY_KAFKA_RESPONSE_KAFKA_GROUP_ID",
        ],
    },
    Later {
        feature: "NATS",
        variables: &[
            "NATS_SERVERS",
            "NATS_SOURCE_TOPICS",
            "NATSTOFILTER_QUEUE_GROUP",
            "PROXY_NATS_RESPONSE_TIMEOUT",
        ],
    },
    Later {
        feature: "Kinesis",
        variables: &[
            "KINESIS_ENABLED",
            "KINESIS_STREAM",
            "KINESIS_APP_NAME",
            "KINESIS_AWS_REGION",
            "KINESIS_ENDPOINT",
            "KINESIS_DYNAMODB_ENDPOINT",
            "KINESIS_LOG_LEVEL",
            "PROXY_KINESIS_REQUEST_REGION",
            "PROXY_KINESIS_RESPONSE_TIMEOUT",
        ],
    },
    Later {
        feature: "the export of traces",
        variables: &[
            "JAEGER_HOST",
            "JAEGER_PORT",
            "JAEGER_SERVICE_NAME",
            "ZIPKIN_ADDR",
            "ZIPKIN_SERVICE_NAME",
        ],
    },
];

/// A sentence for every such variable that is set. Values are not shown: some are secrets.
pub fn warnings(vars: &dyn Vars) -> Vec<String> {
    let is_set = |variable: &&&str| vars.get(variable).is_some_and(|value| !value.is_empty());
    LATER
        .iter()
        .flat_map(|later| {
            later
                .variables
                .iter()
                .filter(is_set)
                .map(|variable| {
                    let feature = later.feature;
                    format!("{variable} has no effect: {feature} is not supported yet")
                })
                .collect::<Vec<_>>()
        })
        .collect()
}
