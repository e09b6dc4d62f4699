//! What `cluster ... --dry-run` says.

use ringmain_protocol::v1::{MemberPart, TryAddNodeResponse, TryRemoveNodeResponse};
use serde_json::json;

use crate::output::{Answer, Block};

/// What taking a node in would come to.
pub(super) fn would_add(node: u64, tried: &TryAddNodeResponse) -> Answer {
    let voters = tried.voters;
    let line = match tried.part() {
        MemberPart::Learner => {
            format!(
                "node {node} is a learner and would vote once it has caught up, as one of {voters} voters"
            )
        }
        MemberPart::Voter => format!("node {node} votes already, as one of {voters} voters"),
        MemberPart::Unspecified | MemberPart::Stranger | MemberPart::Leader | MemberPart::Removed => {
            format!("node {node} answers and would be taken in, as one of {voters} voters")
        }
    };
    let part = part_word(tried.part());
    let json = json!({ "node": node, "part": part, "voters": voters, "dry_run": true });
    Answer { json, text: vec![Block::Line(line + "; nothing was done (--dry-run)")] }
}

/// What taking a node out would come to.
pub(super) fn would_remove(node: u64, tried: &TryRemoveNodeResponse) -> Answer {
    let (voters, heir) = (tried.voters, tried.heir);
    let line = match tried.part() {
        MemberPart::Removed => format!("node {node} is out already; there are {voters} voters"),
        MemberPart::Leader => {
            format!(
                "node {node} would hand leadership to node {heir} and go for good, leaving {voters} voters"
            )
        }
        MemberPart::Unspecified | MemberPart::Stranger | MemberPart::Learner | MemberPart::Voter => {
            format!("node {node} would go for good, leaving {voters} voters")
        }
    };
    let part = part_word(tried.part());
    let heir = (heir != 0).then_some(heir);
    let json = json!({ "node": node, "part": part, "heir": heir, "voters": voters, "dry_run": true });
    Answer { json, text: vec![Block::Line(line + "; nothing was done (--dry-run)")] }
}

fn part_word(part: MemberPart) -> &'static str {
    match part {
        MemberPart::Unspecified => "unknown",
        MemberPart::Stranger => "none",
        MemberPart::Learner => "learner",
        MemberPart::Voter => "voter",
        MemberPart::Leader => "leader",
        MemberPart::Removed => "removed",
    }
}
