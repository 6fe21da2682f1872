//! What answers look like on a terminal. The answers are made of what the management API serialises, so
//! that a table cannot ask for a member that no node tells.

use awc::http::StatusCode;
use serde_json::{Value, json};

use super::{bad, fine, wait};
use crate::{
    cli::ask::{
        Question,
        report::{Report, report},
    },
    http::admin::cluster::{
        RoundsView,
        receipt::{ChangeReceipt, MissingNode, Reason, ReceiptAnswer, Standing},
    },
    message::registry::{
        CandidateLine, ClusterView, DiffView, DifferenceLine, NetworkLine, NodeLine, RefusedLine,
        RoundLine, SideLine, View,
    },
};

const SEEN_FROM: &str = "seen from: members 2, node local-1, root abababababababab\n";

fn view() -> View {
    View {
        node: "local-1".to_owned(),
        members: 2,
        root: "ab".repeat(8),
    }
}

fn serialised(answer: &impl serde::Serialize) -> Value {
    serde_json::to_value(answer).expect("JSON")
}

/// The headings of the table in `text`, in order.
fn headings(text: &str) -> Vec<&str> {
    let line = text.lines().find(|line| {
        let mut letters = line.chars().filter(|letter| letter.is_alphabetic());
        letters.next().is_some() && letters.all(char::is_uppercase)
    });
    let line = line.unwrap_or_else(|| panic!("no headings in {text}"));
    line.split("  ")
        .map(str::trim)
        .filter(|heading| !heading.is_empty())
        .collect()
}

fn members(nodes: Vec<NodeLine>, network: NetworkLine) -> Value {
    let view = view();
    serialised(&ClusterView {
        view,
        nodes,
        network,
    })
}

fn connected() -> NetworkLine {
    NetworkLine {
        port: "open".to_owned(),
        problem: None,
        refused: Vec::new(),
    }
}

#[test]
fn members_are_a_table_below_whose_view_it_is() {
    let node = NodeLine {
        name: "local-1".to_owned(),
        voter: "cd".repeat(8),
        peer: "12D3".to_owned(),
        incarnation: "17".to_owned(),
        established: true,
        software: "0.1.0".to_owned(),
        apis: 3,
        root: "ab".repeat(8),
        in_sync: true,
        clock_offset_ms: 0,
        last_seen_ms: 0,
    };
    let mut body = members(vec![node], connected());
    // Of an older node, say.
    let short = json!({"name": "local-2", "in_sync": false});
    body["nodes"].as_array_mut().expect("a list").push(short);
    assert_eq!(
        fine(&Question::Members, &body),
        format!(
            "{SEEN_FROM}\
             NAME     IN SYNC  ESTABLISHED  APIS  ROOT              CLOCK OFFSET MS  LAST SEEN MS  \
             SOFTWARE  INCARNATION  PEER  VOTER\n\
             local-1  yes      yes          3     abababababababab  0                0             \
             0.1.0     17           12D3  cdcdcdcdcdcdcdcd\n\
             local-2  no       -            -     -                 -                -             \
             -         -            -     -\n"
        )
    );
}

#[test]
fn rounds_show_their_candidates_and_who_has_not_voted() {
    let candidate = |digest: &str, votes, voters: &[&str], wins| CandidateLine {
        digest: digest.to_owned(),
        timestamp_ms: 7,
        votes,
        voters: voters.iter().map(|name| (*name).to_owned()).collect(),
        served_here: wins,
        winner: wins,
    };
    let round = RoundLine {
        id: "shop".to_owned(),
        ref_number: 3,
        state: "collecting".to_owned(),
        candidates: vec![
            candidate("aa", 2, &["local-1", "local-2"], true),
            candidate("bb", 0, &[], false),
        ],
        missing: vec!["local-3".to_owned()],
        open_ms: 12,
        unchanged_ms: 5,
    };
    let body = serialised(&RoundsView {
        view: view(),
        rounds: vec![round],
        left_out: 4,
    });
    let text = fine(&Question::Rounds, &body);
    assert_eq!(
        headings(&text),
        [
            "ID",
            "REF NUMBER",
            "STATE",
            "CANDIDATES",
            "MISSING",
            "OPEN MS",
            "UNCHANGED MS"
        ],
        "{text}"
    );
    assert!(text.starts_with(SEEN_FROM), "{text}");
    assert!(text.ends_with("and 4 more\n"), "{text}");
    for shown in [
        "digest=aa served_here=yes timestamp_ms=7 voters=local-1, local-2 votes=2 winner=yes; \
         digest=bb served_here=no timestamp_ms=7 voters=- votes=0 winner=no",
        "  local-3  ",
    ] {
        assert!(text.contains(shown), "{shown}\n{text}");
    }
    let none = json!({"rounds": []});
    assert_eq!(fine(&Question::Rounds, &none), "no rounds\n");
    assert_eq!(fine(&Question::Rounds, &json!(null)), "no rounds\n");
}

fn answer(outcome: Standing, missing: &[(&str, Reason)]) -> ReceiptAnswer {
    let superseded = outcome == Standing::Superseded;
    ReceiptAnswer {
        message: "a sentence".to_owned(),
        receipt: ChangeReceipt {
            change: "shop@1-a".to_owned(),
            outcome,
            serving: vec!["local-1".to_owned(), "local-2".to_owned()],
            missing: missing
                .iter()
                .map(|(node, reason)| MissingNode {
                    node: (*node).to_owned(),
                    reason: *reason,
                })
                .collect(),
            winner: superseded.then(|| "2-b".to_owned()),
            decided_by: superseded.then_some("ref"),
        },
        view: view(),
        warnings: Vec::new(),
    }
}

#[test]
fn a_change_that_arrived_is_success_and_any_other_is_not() {
    let done = serialised(&answer(Standing::Done, &[]));
    for status in [StatusCode::OK, StatusCode::CREATED] {
        let text = format!(
            "done\n{SEEN_FROM}change: shop@1-a\nmissing: -\noutcome: done\n\
             serving: local-1, local-2\n"
        );
        assert_eq!(report(&wait("shop@1-a"), status, &done), Report::Fine(text));
    }
    let missing = [("local-3", Reason::Unreachable)];
    let pending = serialised(&answer(Standing::Pending, &missing));
    assert_eq!(
        bad(&wait("shop@1-a"), StatusCode::ACCEPTED, &pending),
        format!(
            "not yet, after 30 s\n{SEEN_FROM}change: shop@1-a\noutcome: pending\n\
             serving: local-1, local-2\nmissing:\n\
             NODE     REASON\nlocal-3  unreachable\n"
        )
    );
    let superseded = serialised(&answer(Standing::Superseded, &[]));
    let text = bad(&wait("shop@1-a"), StatusCode::CONFLICT, &superseded);
    assert!(text.starts_with("superseded\n"), "{text}");
    for line in ["decided_by: ref\n", "winner: 2-b\n"] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn two_nodes_that_differ_are_not_what_one_wishes_for() {
    let diff = Question::Diff {
        node: "b c".to_owned(),
    };
    assert_eq!(diff.path(), "/v3/cluster/diff/b%20c");
    let body = |differences, left_out| {
        serialised(&DiffView {
            view: view(),
            node: "b c".to_owned(),
            differences,
            left_out,
        })
    };
    assert_eq!(
        fine(&diff, &body(Vec::new(), 0)),
        "no difference with b c\n"
    );
    let here = SideLine {
        ref_number: 2,
        digest: "aa".to_owned(),
        state: "active".to_owned(),
    };
    let difference = DifferenceLine {
        id: "shop".to_owned(),
        here: Some(here),
        there: None,
    };
    let text = bad(&diff, StatusCode::OK, &body(vec![difference], 4));
    assert_eq!(headings(&text), ["ID", "HERE", "THERE"]);
    let row = "shop  digest=aa ref_number=2 state=active  -\nand 4 more\n";
    assert!(text.ends_with(row), "{text}");
}

#[test]
fn what_keeps_a_node_alone_is_shown_with_its_members() {
    let network = NetworkLine {
        port: "failed".to_owned(),
        problem: Some("address in use".to_owned()),
        refused: vec![RefusedLine {
            address: "10.0.0.9".to_owned(),
            reason: "handshake".to_owned(),
            last_seen_ms: 5,
        }],
    };
    assert_eq!(
        fine(&Question::Members, &members(Vec::new(), network)),
        format!(
            "{SEEN_FROM}no nodes\nthe cluster port is not open: address in use\n\
             refused connections:\n\
             ADDRESS   REASON     LAST SEEN MS\n10.0.0.9  handshake  5\n"
        )
    );
}
