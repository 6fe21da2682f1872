//! APIs for the tests of routing, made without the JSON that definitions come in.

use std::sync::Arc;

use crate::core::{
    api::{Address, Api, Auth, Endpoint, ResponseFrom, Target},
    pattern::{Pattern, Replacement},
    route::RouteTable,
};

/// An API whose endpoints are called `e0`, `e1` and so on, each from method, `path_regex` and
/// `path_replacement` (empty: none).
pub(crate) fn api(id: &str, endpoints: &[(&str, &str, &str)]) -> Arc<Api> {
    let endpoint = |(at, (method, regex, replacement)): (usize, &(&str, &str, &str))| {
        let pattern = Pattern::compile(regex).unwrap_or_else(|error| panic!("{regex}: {error}"));
        let replacement = (!replacement.is_empty())
            .then(|| Arc::new(Replacement::compile(replacement, &pattern).unwrap()));
        Endpoint {
            id: format!("e{at}"),
            method: (*method).to_owned(),
            pattern: Arc::new(pattern),
            replacement,
            secured: false,
            transform: false,
            target: Target::Http,
            topic: None,
            response_from: ResponseFrom::Http,
            timeout: None,
            body_bytes_max: None,
        }
    };
    Arc::new(Api {
        id: id.into(),
        name: id.to_owned(),
        versioned: false,
        auth: Auth::default(),
        proxy: Address {
            target_url: "localhost".to_owned(),
            port: 7070,
            use_env: false,
        },
        add_headers: Arc::new([]),
        endpoints: endpoints.iter().enumerate().map(endpoint).collect(),
    })
}

pub(crate) fn table(apis: impl IntoIterator<Item = Arc<Api>>) -> RouteTable {
    RouteTable::build(apis, |_| None)
}
