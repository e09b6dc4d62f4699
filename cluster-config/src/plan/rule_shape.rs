//! The fields of the rule book in the plan file.

use ringmain_routing::limits::{
    CONDITION_VALUES_MAX, FACT_ATTRIBUTES_MAX, REQUIRED_SKILLS_MAX, SPAN_MS_MAX, TIER_MAX,
    WAITING_PER_QUEUE_MAX,
};

use super::shape::{NAME, SKILL, SPAN};
use crate::shape::{Field, Kind, Need, Shape};

const NAMES: Kind = Kind::List(&NAME, CONDITION_VALUES_MAX);

pub(super) static ENTRY_RULE: Shape = Shape {
    doc: "An entry rule: which arrivals it is for, and what it gives them.",
    exactly_one: false,
    fields: &[
        Field { name: "name", kind: NAME, need: Need::Required, doc: "Its name, for those who ask why." },
        Field {
            name: "when",
            kind: Kind::Table(&WHEN),
            need: Need::Optional,
            doc: "Every part that is given must hold; within a part one of its values must. Left out: always.",
        },
        Field { name: "then", kind: Kind::Table(&THEN), need: Need::Required, doc: "What it gives." },
    ],
};

const fn condition(name: &'static str, doc: &'static str) -> Field {
    Field { name, kind: NAMES, need: Need::Optional, doc }
}

static WHEN: Shape = Shape {
    doc: "A condition on an arrival.",
    exactly_one: false,
    fields: &[
        condition("queues", "The queue that the gateway names."),
        condition("channels", "The channel."),
        condition("gateways", "The gateway."),
        condition("principals", "The company that is meant."),
        condition("units", "The customer's org unit, or one above it."),
        Field {
            name: "applicants",
            kind: Kind::List(&Kind::Choice(&["home", "firm", "official"]), 3),
            need: Need::Optional,
            doc: "Who asks.",
        },
        condition("languages", "The language that must be spoken."),
        condition("topics", "The topic; `power*` means all that begin with it."),
        condition("intents", "What IVR or bot has found out that the customer wants; `*` as for topics."),
        Field {
            name: "attributes",
            kind: Kind::Map(&NAME, FACT_ATTRIBUTES_MAX),
            need: Need::Optional,
            doc: "Attributes that must all be there with these values.",
        },
        Field {
            name: "registered",
            kind: Kind::Flag,
            need: Need::Optional,
            doc: "Whether the customer is in the life-support register.",
        },
        Field {
            name: "danger",
            kind: Kind::Flag,
            need: Need::Optional,
            doc: "Whether IVR or bot has heard of danger to life.",
        },
        Field {
            name: "open",
            kind: NAME,
            need: Need::Optional,
            doc: "A calendar that must be open at the moment.",
        },
        Field {
            name: "closed",
            kind: NAME,
            need: Need::Optional,
            doc: "A calendar that must be closed at the moment.",
        },
    ],
};

static THEN: Shape = Shape {
    doc: "What an entry rule gives; what it does not say stays as the gateway says.",
    exactly_one: false,
    fields: &[
        Field { name: "queue", kind: NAME, need: Need::Optional, doc: "The queue." },
        Field {
            name: "tier",
            kind: Kind::Integer(0, TIER_MAX as u64),
            need: Need::Optional,
            doc: "The tier; 0 (life safety) only where `when` asks for danger, or for the register together with topics.",
        },
        Field {
            name: "skills",
            kind: Kind::List(&Kind::TextOrTable(&NAME, &SKILL), REQUIRED_SKILLS_MAX),
            need: Need::Optional,
            doc: "Skills required besides those that the gateway says; a name alone means level 1.",
        },
        Field {
            name: "own_unit",
            kind: Kind::Flag,
            need: Need::Flag(false),
            doc: "Only operators of the customer's own org unit or below, until the ladder says otherwise.",
        },
        Field {
            name: "head_start_ms",
            kind: SPAN,
            need: Need::Number(0),
            doc: "Waiting time granted in advance, besides what the gateway says.",
        },
        Field {
            name: "owner",
            kind: NAME,
            need: Need::Optional,
            doc: "The login of the operator who owns what comes in so, by topic and branch.",
        },
        Field {
            name: "route",
            kind: NAME,
            need: Need::Optional,
            doc: "The route that it goes as a case, from the queue of its first stage on; not together with queue.",
        },
    ],
};

const fn span(name: &'static str, doc: &'static str) -> Field {
    Field { name, kind: Kind::Integer(1, SPAN_MS_MAX), need: Need::Optional, doc }
}

pub(super) static REMEMBER: Shape = Shape {
    doc: "For how long it is remembered who served whom; what is left out is not.",
    exactly_one: false,
    fields: &[
        span("customer_ms", "A customer's last operator."),
        span("case_ms", "Of a case its owner, and who handled it first in each queue."),
    ],
};

pub(super) static SAME_PERSON: Shape = Shape {
    doc: "Whom a contact waits for and how long; for nobody where it is left out.",
    exactly_one: false,
    fields: &[
        span("owner_ms", "The owner of the case, or who stands in."),
        span("first_handler_ms", "Who handled the case in this queue first, or who stands in."),
        span("last_operator_ms", "Who served the customer last."),
    ],
};

pub(super) static STEP: Shape = Shape {
    doc: "A step of a ladder. What it does not say stays as in the step before; the first begins with the own unit, full levels and every rank.",
    exactly_one: false,
    fields: &[
        Field {
            name: "after_ms",
            kind: SPAN,
            need: Need::Number(0),
            doc: "From so long a place in line on; the first step begins at 0.",
        },
        Field {
            name: "reach",
            kind: Kind::Choice(&["nobody", "own", "neighbours", "up", "all"]),
            need: Need::Optional,
            doc: "Whose operators: nobody's (they take the next, or a lead hands out), of the own unit, its neighbours too, all below a unit further up, everybody.",
        },
        Field {
            name: "up",
            kind: Kind::Integer(1, u8::MAX as u64),
            need: Need::Optional,
            doc: "With reach \"up\": so many levels above the own unit; 1 unless it is said.",
        },
        Field {
            name: "levels_lowered",
            kind: Kind::Integer(0, 10),
            need: Need::Optional,
            doc: "By so much less than the required level will do, but never without the skill.",
        },
        Field {
            name: "rank_max",
            kind: Kind::Integer(0, u8::MAX as u64),
            need: Need::Optional,
            doc: "Operators up to this rank for the queue: 0 are its own, others are its backup.",
        },
        Field {
            name: "lent",
            kind: Kind::Flag,
            need: Need::Optional,
            doc: "Also operators to whom the contact's company is only lent.",
        },
        Field {
            name: "any_language",
            kind: Kind::Flag,
            need: Need::Optional,
            doc: "Also operators who do not speak the language, where the customer has agreed.",
        },
    ],
};

pub(super) static DEFLECTION: Shape = Shape {
    doc: "What becomes of an arrival under a condition.",
    exactly_one: false,
    fields: &[
        Field {
            name: "when",
            kind: Kind::TextOrTable(&Kind::Choice(&["closed", "nobody_signed_in", "nobody_ready"]), &LINE),
            need: Need::Required,
            doc: "Outside the hours or closed by hand; nobody who could serve it is signed in, or ready; so many wait; or it would wait for long.",
        },
        Field {
            name: "to",
            kind: Kind::Choice(&["queue", "call_back", "voicemail", "message", "refuse"]),
            need: Need::Required,
            doc: "What it gets: a place in line, an offer to call back, voicemail, a message, or a refusal.",
        },
    ],
};

static LINE: Shape = Shape {
    doc: "How it stands with the line already: one of the two.",
    exactly_one: true,
    fields: &[
        Field {
            name: "waiting",
            kind: Kind::Integer(1, WAITING_PER_QUEUE_MAX as u64),
            need: Need::Optional,
            doc: "So many contacts wait in the queue.",
        },
        Field {
            name: "ewt_above_ms",
            kind: SPAN,
            need: Need::Optional,
            doc: "Who comes now is likely to wait for longer.",
        },
    ],
};
