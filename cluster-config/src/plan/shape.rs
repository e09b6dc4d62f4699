//! The fields of the plan file.

use ringmain_routing::limits::{
    BANDS_MAX, BREAKS_MAX, BREAKS_PER_OPERATOR_MAX, CALENDARS_MAX, CAPACITY_MAX, CAPS_MAX, CHANNELS_MAX,
    DEFLECTIONS_MAX, DEPUTIES_MAX, ENTRY_RULES_MAX, LADDER_STEPS_MAX, LEADS_MAX, LEVEL_MAX, NAME_BYTES_MAX,
    NEIGHBOURS_MAX, OPERATOR_RULES_MAX, OPERATOR_SKILLS_MAX, OPERATORS_MAX, ORPHAN_RULES_MAX, OWN_UNITS_MAX,
    PRINCIPALS_MAX, QUEUE_CAPS_MAX, QUEUES_MAX, REQUIRED_SKILLS_MAX, ROUTES_MAX, SKILLS_MAX, SPAN_MS_MAX,
    TRIGGERS_MAX, UNITS_MAX, WAIT_RULES_MAX, WAITING_PER_QUEUE_MAX,
};

use super::calendars::CALENDAR;
use super::enquiries::ENQUIRIES;
use super::parking::INTERRUPTIBLE;
use super::room::RESULTS;
use super::routes::ROUTE;
use super::rule_shape::{DEFLECTION, ENTRY_RULE, REMEMBER, SAME_PERSON, STEP};
use super::thread::THREAD;
use super::time::{BREAK, REST};
use super::together::CHANNEL_ORPHAN;
use super::triggers::TRIGGER;
use super::waits::WAIT;
use crate::shape::{Field, Kind, Need, Shape};

pub(super) const NAME: Kind = Kind::Text(NAME_BYTES_MAX);
pub(super) const SPAN: Kind = Kind::Integer(0, SPAN_MS_MAX);

/// The fields of the plan file.
pub static FILE: Shape = Shape {
    doc: "A routing plan: who serves what, and how.",
    exactly_one: false,
    fields: &[
        Field {
            name: "skills",
            kind: Kind::List(&NAME, SKILLS_MAX),
            need: Need::Optional,
            doc: "Names of all skills; languages are skills too.",
        },
        Field {
            name: "channels",
            kind: Kind::List(&Kind::Table(&CHANNEL), CHANNELS_MAX),
            need: Need::Required,
            doc: "Channels and what a contact in them takes of an operator's capacity.",
        },
        Field {
            name: "units",
            kind: Kind::List(&Kind::Table(&UNIT), UNITS_MAX),
            need: Need::Optional,
            doc: "Org units, each with the unit above it.",
        },
        Field {
            name: "calendars",
            kind: Kind::List(&Kind::Table(&CALENDAR), CALENDARS_MAX),
            need: Need::Optional,
            doc: "Opening hours and working time.",
        },
        Field {
            name: "queues",
            kind: Kind::List(&Kind::Table(&QUEUE), QUEUES_MAX),
            need: Need::Required,
            doc: "Queues.",
        },
        Field {
            name: "principals",
            kind: Kind::List(&NAME, PRINCIPALS_MAX),
            need: Need::Optional,
            doc: "Companies on whose behalf the centre answers.",
        },
        Field {
            name: "entry",
            kind: Kind::List(&Kind::Table(&ENTRY_RULE), ENTRY_RULES_MAX),
            need: Need::Optional,
            doc: "What maps an arrival to queue, tier and requirements, first match first. With none, gateways decide.",
        },
        Field {
            name: "routes",
            kind: Kind::List(&Kind::Table(&ROUTE), ROUTES_MAX),
            need: Need::Optional,
            doc: "Ways that cases go: stages with terms in working time. Entry rules and operators send cases there.",
        },
        Field {
            name: "default_queue",
            kind: NAME,
            need: Need::Optional,
            doc: "Where a contact goes that matches no entry rule and whose gateway names no queue.",
        },
        Field {
            name: "redial_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Optional,
            doc: "Who hung up and calls again within this time gets the time already waited.",
        },
        Field {
            name: "recall_after_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Optional,
            doc: "A contact of tier 0 that nobody has taken for so long, and again after each such span, calls somebody back from a break.",
        },
        Field {
            name: "head_start_max_ms",
            kind: SPAN,
            need: Need::Optional,
            doc: "Most head start that gateway, rules and credit may grant together.",
        },
        Field {
            name: "remember",
            kind: Kind::Table(&REMEMBER),
            need: Need::Optional,
            doc: "For how long it is remembered who served whom; queues say with same_person whether they wait for that one.",
        },
        Field {
            name: "breaks",
            kind: Kind::List(&Kind::Table(&BREAK), BREAKS_MAX),
            need: Need::Optional,
            doc: "Breaks; each operator names its own.",
        },
        Field {
            name: "rest",
            kind: Kind::Table(&REST),
            need: Need::Optional,
            doc: "How busy operators with `rests` may be at most.",
        },
        Field {
            name: "companion_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Optional,
            doc: "Operators may invite the customer of a call into another channel; who comes from there until so long after the call goes to its operator.",
        },
        Field {
            name: "duty_after_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Optional,
            doc: "Nobody took life safety for so long: its gateway calls the external duty number.",
        },
        Field {
            name: "triggers",
            kind: Kind::List(&Kind::Table(&TRIGGER), TRIGGERS_MAX),
            need: Need::Optional,
            doc: "What changes ranks and ladders while a queue's figure is bad.",
        },
        Field {
            name: "enquiries",
            kind: Kind::Table(&ENQUIRIES),
            need: Need::Optional,
            doc: "Questions to people without a seat; without it nobody begins one.",
        },
        Field {
            name: "sessions",
            kind: Kind::Table(&SESSIONS),
            need: Need::Optional,
            doc: "How sessions and memories end.",
        },
        Field {
            name: "operators",
            kind: Kind::List(&Kind::Table(&OPERATOR), OPERATORS_MAX as usize),
            need: Need::Optional,
            doc: "Operators; those already known and not named stay as they are.",
        },
    ],
};

static CHANNEL: Shape = Shape {
    doc: "A channel.",
    exactly_one: false,
    fields: &[
        Field { name: "name", kind: NAME, need: Need::Required, doc: "Its name." },
        Field {
            name: "units",
            kind: Kind::Integer(0, CAPACITY_MAX as u64),
            need: Need::Number(1),
            doc: "Capacity units that a contact takes unless it says otherwise.",
        },
    ],
};

static UNIT: Shape = Shape {
    doc: "An org unit.",
    exactly_one: false,
    fields: &[
        Field { name: "name", kind: NAME, need: Need::Required, doc: "Its name." },
        Field {
            name: "parent",
            kind: NAME,
            need: Need::Optional,
            doc: "The unit above; none for the company.",
        },
        Field {
            name: "neighbours",
            kind: Kind::List(&NAME, NEIGHBOURS_MAX),
            need: Need::Optional,
            doc: "Units that help out first, where a ladder says so.",
        },
        Field {
            name: "head",
            kind: NAME,
            need: Need::Optional,
            doc: "The login of who stands in for operators of the unit and of those below, where no deputy is there.",
        },
        Field {
            name: "calendar",
            kind: NAME,
            need: Need::Optional,
            doc: "What counts as working time for cases of its customers and of units below that have none of their own.",
        },
    ],
};

static QUEUE: Shape = Shape {
    doc: "A queue.",
    exactly_one: false,
    fields: &[
        Field { name: "name", kind: NAME, need: Need::Required, doc: "Its name." },
        Field {
            name: "answer",
            kind: Kind::TextOrTable(&Kind::Choice(&["automatic"]), &ANSWER),
            need: Need::Word("automatic"),
            doc: "How a contact reaches the operator.",
        },
        Field { name: "wrap_up_ms", kind: SPAN, need: Need::Number(0), doc: "Wrap-up after each contact." },
        Field {
            name: "wrap_up_max_ms",
            kind: SPAN,
            need: Need::Number(600_000),
            doc: "Longest wrap-up with all extensions.",
        },
        Field {
            name: "orphan",
            kind: Kind::Choice(&["requeue", "close"]),
            need: Need::Word("requeue"),
            doc: "What becomes of a contact whose operator is lost for good.",
        },
        Field {
            name: "waiting_max",
            kind: Kind::Integer(1, WAITING_PER_QUEUE_MAX as u64),
            need: Need::Number(WAITING_PER_QUEUE_MAX as u64),
            doc: "How many contacts may wait at once.",
        },
        Field {
            name: "target",
            kind: Kind::Table(&TARGET),
            need: Need::Optional,
            doc: "What was promised; 80 % in 20 s.",
        },
        Field {
            name: "required",
            kind: Kind::List(&Kind::TextOrTable(&NAME, &SKILL), REQUIRED_SKILLS_MAX),
            need: Need::Optional,
            doc: "Skills that every contact of the queue requires; a name alone means level 1.",
        },
        Field {
            name: "scope",
            kind: NAME,
            need: Need::Optional,
            doc: "Only operators of this unit or below serve the queue.",
        },
        Field {
            name: "open",
            kind: Kind::Flag,
            need: Need::Flag(true),
            doc: "A closed queue takes no new contact; those that wait are served.",
        },
        Field {
            name: "choice",
            kind: Kind::Choice(&["longest_idle", "least_occupied", "most_skilled", "round_robin"]),
            need: Need::Word("longest_idle"),
            doc: "Who is chosen of several operators who fit.",
        },
        Field {
            name: "ladder",
            kind: Kind::List(&Kind::Table(&STEP), LADDER_STEPS_MAX),
            need: Need::Optional,
            doc: "Whom its contacts may reach, wider step by step. With none: whoever fits, at any rank.",
        },
        Field {
            name: "promote_after_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Optional,
            doc: "One tier up per so much waiting, never above tier 2.",
        },
        Field {
            name: "units",
            kind: Kind::Map(&Kind::Integer(0, CAPACITY_MAX as u64), CHANNELS_MAX),
            need: Need::Optional,
            doc: "Capacity units by channel, instead of the channel's own.",
        },
        Field {
            name: "hours",
            kind: NAME,
            need: Need::Optional,
            doc: "The calendar of its opening hours; none for always. They concern arrivals: who waits is served.",
        },
        Field {
            name: "deflect",
            kind: Kind::List(&Kind::Table(&DEFLECTION), DEFLECTIONS_MAX),
            need: Need::Optional,
            doc: "What becomes of arrivals that cannot be served as usual, first match first. Tier 0 is always let in.",
        },
        Field {
            name: "same_person",
            kind: Kind::Table(&SAME_PERSON),
            need: Need::Optional,
            doc: "Whom its contacts wait for before others may take them, in this order.",
        },
        Field {
            name: "leads",
            kind: Kind::List(&NAME, LEADS_MAX),
            need: Need::Optional,
            doc: "Logins of operators who may hand its contacts out, where a step of the ladder reaches nobody.",
        },
        Field {
            name: "hard",
            kind: Kind::Flag,
            need: Need::Flag(false),
            doc: "Whoever takes a contact that was passed on into this queue owns its case from then on.",
        },
        Field {
            name: "passes_max",
            kind: Kind::Integer(0, u32::MAX as u64),
            need: Need::Optional,
            doc: "So often may operators pass a contact on that is in this queue; then a supervisor must. Left out: any number.",
        },
        Field {
            name: "last_start_ms",
            kind: SPAN,
            need: Need::Optional,
            doc: "Its contacts are not given to an operator whose shift ends within that time, life safety aside.",
        },
        Field {
            name: "people_queue",
            kind: NAME,
            need: Need::Optional,
            doc: "The queue to which its contacts go when a person is requested of a bot. Left out: they stay in this one.",
        },
        Field {
            name: "stranded_to",
            kind: NAME,
            need: Need::Optional,
            doc: "The queue to which those go whom nobody could serve any more. Left out: a plan that makes such is refused.",
        },
        Field {
            name: "orphans",
            kind: Kind::List(&Kind::Table(&CHANNEL_ORPHAN), ORPHAN_RULES_MAX),
            need: Need::Optional,
            doc: "What becomes of contacts of a channel whose operator is lost for good, instead of `orphan`.",
        },
        Field {
            name: "cap",
            kind: Kind::Integer(1, u16::MAX as u64),
            need: Need::Optional,
            doc: "At most so many of its contacts in one operator's hands.",
        },
        Field {
            name: "reserve_after_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Optional,
            doc: "Who waits for so long has an operator who takes nothing behind it until it is served.",
        },
        Field {
            name: "waits",
            kind: Kind::List(&Kind::Table(&WAIT), WAIT_RULES_MAX),
            need: Need::Optional,
            doc: "What becomes of those who wait in line, sooner first.",
        },
        Field {
            name: "alarm_after_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Optional,
            doc: "Its leads hear of it when somebody has waited in line for so long.",
        },
        Field {
            name: "results",
            kind: Kind::Table(&RESULTS),
            need: Need::Optional,
            doc: "A completion must say topic and outcome; an empty table allows all of them.",
        },
        Field {
            name: "consult_units",
            kind: Kind::Integer(0, CAPACITY_MAX as u64),
            need: Need::Optional,
            doc: "What a consultation in the queue takes of the asked one's capacity. Left out: as much as a contact.",
        },
        Field {
            name: "bands_ms",
            kind: Kind::List(&Kind::Integer(1, SPAN_MS_MAX), BANDS_MAX),
            need: Need::Optional,
            doc: "From which expected waits on which band customers hear, each longer than the one before.",
        },
        Field {
            name: "interruptible",
            kind: Kind::Table(&INTERRUPTIBLE),
            need: Need::Optional,
            doc: "Its contacts in handling are parked for who is urgent. Left out: never.",
        },
        Field {
            name: "thread",
            kind: Kind::Table(&THREAD),
            need: Need::Optional,
            doc: "Its contacts are threads, with targets for replies. Left out: none are.",
        },
    ],
};

static ANSWER: Shape = Shape {
    doc: "An answer that the operator or the desktop must give in time.",
    exactly_one: true,
    fields: &[
        Field {
            name: "confirmed_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Optional,
            doc: "Automatic answer that the desktop confirms within this time; no right to decline.",
        },
        Field {
            name: "offered_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Optional,
            doc: "The operator accepts or declines within this time.",
        },
        Field {
            name: "preview_ms",
            kind: Kind::Integer(1, SPAN_MS_MAX),
            need: Need::Optional,
            doc: "The operator looks at it for so long, may begin sooner or decline; then they are connected.",
        },
    ],
};

static TARGET: Shape = Shape {
    doc: "Service level: so many per cent answered within so long.",
    exactly_one: false,
    fields: &[
        Field { name: "within_ms", kind: SPAN, need: Need::Number(20_000), doc: "Time to the answer." },
        Field {
            name: "percent",
            kind: Kind::Integer(0, 100),
            need: Need::Number(80),
            doc: "Share of contacts.",
        },
    ],
};

/// A skill that a queue requires or an operator has.
pub(super) static SKILL: Shape = Shape {
    doc: "A skill with a level.",
    exactly_one: false,
    fields: &[
        Field { name: "name", kind: NAME, need: Need::Required, doc: "The skill." },
        Field {
            name: "level",
            kind: Kind::Integer(1, LEVEL_MAX as u64),
            need: Need::Number(1),
            doc: "The operator's level, or the least level that a queue requires.",
        },
    ],
};

static SESSIONS: Shape = Shape {
    doc: "How sessions and memories end.",
    exactly_one: false,
    fields: &[
        Field {
            name: "grace_ms",
            kind: SPAN,
            need: Need::Number(15_000),
            doc: "How long a lost stream may take to come back on any node.",
        },
        Field {
            name: "missed_ms",
            kind: SPAN,
            need: Need::Number(60_000),
            doc: "How long a missed offer keeps the operator from new ones.",
        },
        Field {
            name: "exclusion_ms",
            kind: SPAN,
            need: Need::Number(30_000),
            doc: "How long a declined or missed contact stays away from that operator.",
        },
        Field {
            name: "key_window_ms",
            kind: SPAN,
            need: Need::Number(3_600_000),
            doc: "How long an ended contact's key still gets its first answer.",
        },
    ],
};

static OPERATOR: Shape = Shape {
    doc: "An operator, or a group of alike ones.",
    exactly_one: false,
    fields: &[
        Field {
            name: "login",
            kind: NAME,
            need: Need::Required,
            doc: "The name to sign in with; with count, what the numbered logins begin with.",
        },
        Field {
            name: "count",
            kind: Kind::Integer(1, OPERATORS_MAX),
            need: Need::Optional,
            doc: "Makes so many operators: `day` with count 12 gives day-01 to day-12.",
        },
        Field {
            name: "skills",
            kind: Kind::List(&Kind::TextOrTable(&NAME, &SKILL), OPERATOR_SKILLS_MAX),
            need: Need::Optional,
            doc: "Skills; a name alone means level 1.",
        },
        Field {
            name: "capacity",
            kind: Kind::Integer(1, CAPACITY_MAX as u64),
            need: Need::Number(100),
            doc: "Units of work at once.",
        },
        Field { name: "unit", kind: NAME, need: Need::Optional, doc: "The org unit." },
        Field {
            name: "ranks",
            kind: Kind::Map(&Kind::Integer(0, u8::MAX as u64), QUEUES_MAX),
            need: Need::Optional,
            doc: "Rank per queue, 0 first; queues not named have rank 0.",
        },
        Field {
            name: "channels",
            kind: Kind::List(&NAME, OPERATOR_RULES_MAX),
            need: Need::Optional,
            doc: "Channels that the operator serves; none named means all.",
        },
        Field {
            name: "principals",
            kind: Kind::List(&NAME, OPERATOR_RULES_MAX),
            need: Need::Optional,
            doc: "Companies for which the operator answers; none named means all.",
        },
        Field {
            name: "deputies",
            kind: Kind::List(&NAME, DEPUTIES_MAX),
            need: Need::Optional,
            doc: "Logins of those who stand in for the operator's cases, first choice first.",
        },
        Field {
            name: "lent_principals",
            kind: Kind::List(&NAME, OPERATOR_RULES_MAX),
            need: Need::Optional,
            doc: "Companies for which the operator answers only where a ladder says `lent`.",
        },
        Field {
            name: "caps",
            kind: Kind::Map(&Kind::Integer(0, u16::MAX as u64), CAPS_MAX),
            need: Need::Optional,
            doc: "At most so many contacts of a channel at once.",
        },
        Field {
            name: "breaks",
            kind: Kind::List(&NAME, BREAKS_PER_OPERATOR_MAX),
            need: Need::Optional,
            doc: "The operator's breaks; of two that are due at once the first begins.",
        },
        Field {
            name: "shift",
            kind: NAME,
            need: Need::Optional,
            doc: "The calendar of the operator's shifts; none for always.",
        },
        Field {
            name: "rests",
            kind: Kind::Flag,
            need: Need::Flag(false),
            doc: "Whether the plan's `rest` holds for the operator.",
        },
        Field {
            name: "bot",
            kind: Kind::Flag,
            need: Need::Flag(false),
            doc: "A program, not a person: no breaks, no rest, no wrap-up, never missed, and nothing for who asked for a person.",
        },
        Field {
            name: "units",
            kind: Kind::Map(&Kind::Integer(1, CAPACITY_MAX as u64), OWN_UNITS_MAX),
            need: Need::Optional,
            doc: "What a contact of a channel costs this operator, whatever queue, channel or gateway say.",
        },
        Field {
            name: "queue_caps",
            kind: Kind::Map(&Kind::Integer(0, u16::MAX as u64), QUEUE_CAPS_MAX),
            need: Need::Optional,
            doc: "At most so many contacts of a queue at once, instead of the queue's cap.",
        },
        Field {
            name: "wrap_up_ms",
            kind: SPAN,
            need: Need::Optional,
            doc: "Wrap-up instead of the queue's; the queue's `wrap_up_max_ms` holds.",
        },
    ],
};
