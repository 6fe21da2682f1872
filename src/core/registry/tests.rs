//! The extractors among the definitions.

use serde_json::{Value, json};

use super::{
    Change, Preconditions, Registry, Rejection, activatable,
    change::Tags,
    extractors::{self, body},
};
use crate::core::{
    api::validate::Surroundings,
    digest::{Body, Content},
    replica::{
        id::{ApiId, RESERVED_PREFIX},
        input::Action,
    },
    subscription::extractors::{Extractors, INDEX_MAX},
    version::Version,
};

fn document(pointer: &str) -> Value {
    json!({"order": {"id": {"stable_field_index": 0, "event": {"json_pointer": pointer}}}})
}

fn parsed(document: Value) -> Extractors {
    Extractors::of(document).expect("extractors")
}

fn registry() -> Registry {
    Registry::new(Surroundings { has_key: true }, 1_000)
}

fn wanted(registry: &mut Registry, if_match: &str) -> Result<Action, Rejection> {
    let preconditions = Preconditions {
        if_match: Some(Tags::parse(if_match)),
        if_none_match: None,
    };
    let change = Change::Extractors(parsed(document("/data/id")).into());
    let prepared = registry.prepare(change, &preconditions)?;
    assert_eq!(prepared.id.as_str(), extractors::ID);
    Ok(prepared.action)
}

#[test]
fn the_first_document_is_created_and_the_next_replaces_it() {
    let mut registry = registry();
    let unset = registry.extractors().version();
    assert!(!registry.extractors().is_set());
    assert_eq!(unset.to_string(), "0-44136fa355b3678a");
    let first = match wanted(&mut registry, &unset.etag()) {
        Ok(Action::Create(body)) => body,
        other => panic!("{other:?}"),
    };
    let version = Version {
        ref_number: 0,
        digest: first.digest(),
    };
    let served = registry.serve_extractors(version, &Content::Defined(first));
    assert_eq!(served, Ok(()));
    assert_eq!(registry.extractors().version(), version);
    assert_eq!(
        *registry.extractors().extractors,
        parsed(document("/data/id"))
    );
    assert_eq!(registry.all().count(), 0);
    assert!(registry.get(extractors::ID).is_none());
    let stale = Rejection::Stale(extractors::ID.to_owned());
    assert_eq!(wanted(&mut registry, &unset.etag()), Err(stale));
    let replaced = wanted(&mut registry, &version.etag());
    assert!(matches!(replaced, Ok(Action::Replace(_))), "{replaced:?}");
}

#[test]
fn a_document_larger_than_a_definition_may_be_is_refused() {
    let mut registry = registry();
    let large = parsed(document(&format!("/{}", "x".repeat(1_000))));
    let refused = registry.prepare(Change::Extractors(large.into()), &Preconditions::default());
    assert!(
        matches!(refused, Err(Rejection::TooLarge { max: 1_000, .. })),
        "{refused:?}"
    );
}

#[test]
fn event_types_that_are_named_like_members_of_the_server_are_kept() {
    let named = parsed(json!({"timestamp": {}, "active": {}}));
    assert_eq!(body(&named).as_bytes(), br#"{"active":{},"timestamp":{}}"#);
}

#[test]
fn what_is_accepted_can_be_activated_in_its_canonical_form() {
    let id = extractors::id().expect("a name");
    let odd = parsed(json!({"t": {"f": {
        "stable_field_index": INDEX_MAX,
        "event": {"json_pointer": "/ä"},
        "note": 1e20,
    }}}));
    assert!(activatable(&id, &body(&odd)));
    assert_eq!(extractors::read(&body(&odd)), Ok(odd));
    let beyond = json!({"t": {"f": {
        "stable_field_index": INDEX_MAX + 1,
        "event": {"json_pointer": "/x"},
    }}});
    assert!(Extractors::of(beyond).is_err());
}

#[test]
fn what_this_software_cannot_read_is_not_activated() {
    let id = extractors::id().expect("a name");
    for text in [r#"{"order":{"id":{}}}"#, "[]", "7", "nonsense", ""] {
        let body = Body::from(text.as_bytes().to_vec());
        assert!(!activatable(&id, &body), "{text}");
        let mut registry = registry();
        let version = Version {
            ref_number: 3,
            digest: body.digest(),
        };
        assert!(
            registry
                .serve_extractors(version, &Content::Defined(body))
                .is_err()
        );
        assert!(!registry.extractors().is_set(), "{text}");
    }
}

#[test]
fn a_reserved_id_that_is_not_known_here_is_never_activated() {
    let later = format!("{RESERVED_PREFIX}later");
    let definition = json!({
        "id": later, "name": "later", "proxy": {"target_url": "localhost", "port": 1},
        "version_data": {"default": {"endpoints": []}},
    });
    let id = ApiId::new(&later).expect("a name");
    assert!(!activatable(
        &id,
        &Body::from(definition.to_string().into_bytes())
    ));
    let mut registry = registry();
    for change in [
        Change::Create(definition.as_object().cloned().expect("an object")),
        Change::Replace {
            id: extractors::ID.to_owned(),
            document: definition.as_object().cloned().expect("an object"),
        },
    ] {
        match registry.prepare(change, &Preconditions::default()) {
            Err(Rejection::Invalid(faults)) => assert_eq!(
                faults.to_string(),
                "api: id must not begin with $rig/, which is kept for the gateway itself"
            ),
            other => panic!("{other:?}"),
        }
    }
    let delete = Change::Delete {
        id: extractors::ID.to_owned(),
    };
    let refused = registry.prepare(delete, &Preconditions::default());
    assert!(
        matches!(refused, Err(Rejection::NotFound(_))),
        "{refused:?}"
    );
}
