//! Every limit of the core, in one place. Reaching one is a [`crate::Refusal`], never a silent drop.

/// Names of queues, skills, channels, units, operators, gateways.
pub const NAME_BYTES_MAX: usize = 128;
/// A gateway's key for a contact.
pub const KEY_BYTES_MAX: usize = 256;
/// Attributes of one contact (R1.1).
pub const ATTRIBUTES_BYTES_MAX: usize = 16 * 1024;
/// Tiers are 0 to this.
pub const TIER_MAX: u8 = 9;
/// Skill levels are 1 to this.
pub const LEVEL_MAX: u8 = 10;
/// Skills that one contact may require, its queue's included.
pub const REQUIRED_SKILLS_MAX: usize = 16;
/// Skills of one operator.
pub const OPERATOR_SKILLS_MAX: usize = 256;
/// Capacity of one operator, in units.
pub const CAPACITY_MAX: u32 = 1_000_000;
/// Queues of a plan.
pub const QUEUES_MAX: usize = 5_000;
/// Skills of a plan.
pub const SKILLS_MAX: usize = 4_096;
/// Channels of a plan.
pub const CHANNELS_MAX: usize = 256;
/// Org units of a plan.
pub const UNITS_MAX: usize = 10_000;
/// Contacts in memory, ended ones within the key window included.
pub const CONTACTS_MAX: u64 = 4_000_000;
/// Room in that kept for tier 0 alone (promise 6).
pub const CONTACTS_RESERVED_FOR_TIER_0: u64 = 50_000;
/// Contacts that may wait in one queue unless its plan says less.
pub const WAITING_PER_QUEUE_MAX: u32 = 1_000_000;
/// Operators.
pub const OPERATORS_MAX: u64 = 100_000;
/// Operators put by one command.
pub const OPERATORS_PER_COMMAND_MAX: usize = 500;
/// Gateways.
pub const GATEWAYS_MAX: u64 = 20_000;
/// Distinct requirement sets with contacts waiting.
pub const CLASSES_MAX: usize = 2_000;
/// Distinct sets of skills, unit and ranks among operators.
pub const PROFILES_MAX: usize = 2_000;
/// Contacts kept away from one operator at a time; the oldest exclusion ends when one more comes.
pub const EXCLUSIONS_PER_OPERATOR_MAX: usize = 64;
/// Sources remembered by one merged call-back.
pub const SOURCES_MAX: u32 = 10_000;
/// Timers fired per command.
pub const TIMERS_PER_ENTRY_MAX: usize = 256;
/// Rows that one job advances per command.
pub const JOB_ROWS_PER_ENTRY_MAX: usize = 500;
/// Longest span that any field may ask for: two years.
pub const SPAN_MS_MAX: u64 = 2 * 366 * 86_400_000;
/// Latest time that any field may name: the year 2200.
pub const TIMESTAMP_MS_MAX: u64 = 7_258_118_400_000;
/// Longest time that a contact passed to one operator waits for that one alone: ten minutes.
pub const TRANSFER_HOLD_MS_MAX: u64 = 600_000;
/// Wrap-ups of contacts passed on that one operator has at a time; the oldest ends when one more comes.
pub const WRAP_UPS_PER_OPERATOR_MAX: usize = 64;
/// Contacts that one action may name.
pub const MOVED_PER_COMMAND_MAX: usize = 500;
/// Actions whose keys are remembered.
pub const ACTIONS_MAX: usize = 20_000;
/// Moves of whole queues under way at a time.
pub const MOVES_MAX: usize = 64;
/// The detail of a note for the audit.
pub const NOTE_BYTES_MAX: usize = 1_024;
/// Entry rules of a plan.
pub const ENTRY_RULES_MAX: usize = 2_000;
/// Values in one part of a rule's condition.
pub const CONDITION_VALUES_MAX: usize = 1_000;
/// Companies of a plan.
pub const PRINCIPALS_MAX: usize = 1_000;
/// Calendars of a plan.
pub const CALENDARS_MAX: usize = 256;
/// Deflections of one queue.
pub const DEFLECTIONS_MAX: usize = 16;
/// Thresholds of the expected wait that one queue tells customers by.
pub const BANDS_MAX: usize = 8;
/// Steps of one queue's ladder, the first included.
pub const LADDER_STEPS_MAX: usize = 16;
/// Neighbours of one org unit.
pub const NEIGHBOURS_MAX: usize = 64;
/// Channels or companies that one operator's rules name in one list.
pub const OPERATOR_RULES_MAX: usize = 256;
/// Breaks of a plan.
pub const BREAKS_MAX: usize = 64;
/// Breaks of one operator.
pub const BREAKS_PER_OPERATOR_MAX: usize = 8;
/// Shortest window of the occupancy cap: a minute.
pub const REST_WINDOW_MS_MIN: u64 = 60_000;
/// Longest window of the occupancy cap: a day.
pub const REST_WINDOW_MS_MAX: u64 = 86_400_000;
/// Channels with a cap of one operator.
pub const CAPS_MAX: usize = 16;
/// Channels that one operator's rules give units for.
pub const OWN_UNITS_MAX: usize = 16;
/// Queues with a cap of one operator's own.
pub const QUEUE_CAPS_MAX: usize = 16;
/// Operators reserved at a time.
pub const RESERVATIONS_MAX: usize = 256;
/// Contacts without a reservation that are looked at in one event.
pub const RESERVATIONS_LOOKED_AT_MAX: usize = 16;
/// Rules by waiting of one queue.
pub const WAIT_RULES_MAX: usize = 16;
/// Triggers of a plan.
pub const TRIGGERS_MAX: usize = 64;
/// Ranks that one trigger changes.
pub const TRIGGER_RANKS_MAX: usize = 64;
/// The shortest and the longest time between two looks of a trigger, in ms.
pub const TRIGGER_EVERY_MS_MIN: u64 = 1_000;
/// See [`TRIGGER_EVERY_MS_MIN`].
pub const TRIGGER_EVERY_MS_MAX: u64 = 3_600_000;
/// Contacts for which rules by waiting are carried out in one entry; the rest follow with the next.
pub const WAITS_PER_ENTRY_MAX: usize = 256;
/// Invitations of companions that are remembered.
pub const INVITATIONS_MAX: usize = 100_000;
/// Topics or outcomes that a queue's completions may say.
pub const RESULTS_MAX: usize = 1_000;
/// Attributes of one contact that entry rules may look at.
pub const FACT_ATTRIBUTES_MAX: usize = 16;
/// Phones, accounts and supply points in the life-support register.
pub const LIFE_SUPPORT_MAX: usize = 1_000_000;
/// References that one command may put into the register or take out.
pub const LIFE_SUPPORT_PER_COMMAND_MAX: usize = 2_000;
/// Customers who hung up and are remembered for credit; of more, those who hung up first are forgotten.
pub const REDIALS_MAX: usize = 100_000;
/// Profiles that fit a contact and are counted for the record of a decision; of more, nothing is counted.
pub const PROFILES_COUNTED_MAX: usize = 64;
/// Versions of the plan whose place in the log is remembered.
pub const PLANS_REMEMBERED_MAX: usize = 64;
/// Deputies of one operator.
pub const DEPUTIES_MAX: usize = 8;
/// Leads of one queue.
pub const LEADS_MAX: usize = 64;
/// Longest time that a contact handed out to one operator waits for that one alone: a day.
pub const HAND_OUT_HOLD_MS_MAX: u64 = 86_400_000;
/// Who served whom: customers, cases' owners and first handlers; of more, those whose memory ends first are forgotten.
pub const ACQUAINTANCES_MAX: usize = 1_000_000;
/// Channels for which a queue says what becomes of orphans.
pub const ORPHAN_RULES_MAX: usize = 16;
/// Open consultations about one contact.
pub const LEGS_MAX: usize = 4;
/// Queues and units that are shut at a time.
pub const CLOSURES_MAX: usize = 1_000;
/// Slots of what a bot has learned.
pub const SLOTS_MAX: usize = 16;
/// Routes of a plan.
pub const ROUTES_MAX: usize = 1_000;
/// Stages of one route.
pub const STAGES_MAX: usize = 32;
/// Ways of answering for which one stage is there.
pub const REPLY_WAYS_MAX: usize = 16;
/// Operators who watch one stage.
pub const WATCHERS_MAX: usize = 8;
/// Cases in memory, closed ones within the key window included.
pub const CASES_MAX: u64 = 1_000_000;
/// Stages that a case remembers; of more the oldest are forgotten.
pub const CASE_HISTORY_MAX: usize = 64;
/// Channels by which the work of one queue is interrupted, and channels whose contacts are threads there.
pub const BY_CHANNELS_MAX: usize = 16;
/// Supervisors beside one talk.
pub const SEATS_MAX: usize = 4;
/// Operators who ask for help at a time.
pub const HELP_MAX: usize = 256;
/// Enquiries in memory, closed ones within the key window included.
pub const ENQUIRIES_MAX: u64 = 100_000;
/// Open enquiries about one contact.
pub const ENQUIRIES_PER_CONTACT_MAX: usize = 4;
/// Open enquiries with which one operator may begin another.
pub const ENQUIRIES_PER_OPERATOR_MAX: usize = 64;
/// People without a seat whom a plan names.
pub const ADDRESSEES_MAX: usize = 1_000;
/// A promised call-back waits no longer for the operator who asked.
pub const ENQUIRY_KEEP_MS_MAX: u64 = 86_400_000;
/// How often one contact may be parked, at most.
pub const PARKS_MAX: u16 = 1_000;
