//! What becomes of contacts whose operator is lost, by channel.

use ringmain_routing::rules::OrphanRule;
use ringmain_routing::{Millis, Name};

use crate::plan::problem;
use crate::v1::{self, FieldProblem};

pub(super) fn to_message((channel, rule): &(Name, OrphanRule)) -> v1::ChannelOrphan {
    let (to, wait_ms) = match *rule {
        OrphanRule::Close => (v1::OrphanTreatment::Close, 0),
        OrphanRule::Requeue => (v1::OrphanTreatment::Requeue, 0),
        OrphanRule::Wait(span) => (v1::OrphanTreatment::Wait, span.0),
        OrphanRule::Stay => (v1::OrphanTreatment::Stay, 0),
    };
    v1::ChannelOrphan { channel: channel.to_string(), to: to.into(), wait_ms }
}

pub(super) fn from_messages(
    field: &str,
    orphans: &[v1::ChannelOrphan],
    problems: &mut Vec<FieldProblem>,
) -> Vec<(Name, OrphanRule)> {
    let mut rules = Vec::with_capacity(orphans.len());
    for (at, orphan) in orphans.iter().enumerate() {
        let rule = match orphan.to() {
            v1::OrphanTreatment::Close => OrphanRule::Close,
            v1::OrphanTreatment::Requeue => OrphanRule::Requeue,
            v1::OrphanTreatment::Wait => OrphanRule::Wait(Millis(orphan.wait_ms)),
            v1::OrphanTreatment::Stay => OrphanRule::Stay,
            v1::OrphanTreatment::Unspecified => {
                let field = format!("{field}.rules.orphans[{at}].to");
                problems.push(problem(&field, "say CLOSE, REQUEUE, WAIT or STAY"));
                OrphanRule::Requeue
            }
        };
        rules.push((orphan.channel.as_str().into(), rule));
    }
    rules
}
