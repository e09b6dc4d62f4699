//! Operators are added or changed, all of the command or none.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::command::{OperatorPlan, PutOperators};
use crate::effect::{PresenceState, Reply};
use crate::fields::{check_name, check_span, invalid};
use crate::ids::{ChannelId, Name, OperatorId, QueueId};
use crate::limits::{
    BREAKS_PER_OPERATOR_MAX, CAPACITY_MAX, CAPS_MAX, DEPUTIES_MAX, OPERATOR_RULES_MAX, OPERATOR_SKILLS_MAX,
    OPERATORS_MAX, OPERATORS_PER_COMMAND_MAX, OWN_UNITS_MAX, PROFILES_MAX, QUEUE_CAPS_MAX,
};
use crate::operator::Operator;
use crate::profiles::ProfileKey;
use crate::refusal::Refusal;
use crate::router::Router;
use crate::session::Session;

impl Router {
    pub(crate) fn put_operators(&mut self, command: &PutOperators) -> Result<Reply, Refusal> {
        if command.operators.len() > OPERATORS_PER_COMMAND_MAX {
            return Err(invalid("operators", "at most 500 operators in one command"));
        }
        let mut profiles = Vec::with_capacity(command.operators.len());
        for operator in &command.operators {
            profiles.push(Arc::new(self.check_operator(operator)?));
        }
        self.check_operator_limits(command, &profiles)?;
        for (operator, profile) in command.operators.iter().zip(profiles) {
            match self.tables.find_login(&operator.login) {
                Some(id) => self.change_plan_of(id.slot, operator, profile),
                None => self.add_operator(operator, profile),
            }
        }
        self.follow_stranded();
        Ok(Reply::Done)
    }

    fn check_operator(&self, operator: &OperatorPlan) -> Result<ProfileKey, Refusal> {
        check_name("login", &operator.login)?;
        if operator.capacity > CAPACITY_MAX {
            return Err(invalid("capacity", "at most 1000000 units"));
        }
        if operator.skills.len() > OPERATOR_SKILLS_MAX {
            return Err(invalid("skills", "at most 256 skills"));
        }
        if operator.rules.deputies.len() > DEPUTIES_MAX {
            return Err(invalid("rules.deputies", "at most 8 deputies"));
        }
        operator.rules.deputies.iter().try_for_each(|login| check_name("rules.deputies", login))?;
        let directory = &self.tables.directory;
        let unit = operator.unit.as_ref().map(|unit| directory.find_unit(unit)).transpose()?;
        let skills = directory.find_skills(&operator.skills)?;
        let rules = &operator.rules;
        Ok(ProfileKey {
            skills,
            unit,
            ranks: self.check_ranks(operator)?,
            channels: sorted("rules.channels", &rules.channels, |name| Ok(directory.find_channel(name)?.0))?,
            principals: sorted("rules.principals", &rules.principals, |name| directory.find_principal(name))?,
            lent: sorted("rules.lent_principals", &rules.lent_principals, |name| {
                directory.find_principal(name)
            })?,
            caps: self.check_caps(operator)?,
            units: self.check_units(operator)?,
            queue_caps: self.check_queue_caps(operator)?,
            shift: self.check_time(operator)?,
            bot: rules.bot,
        })
    }

    fn check_caps(&self, operator: &OperatorPlan) -> Result<Box<[(ChannelId, u16)]>, Refusal> {
        if operator.rules.caps.len() > CAPS_MAX {
            return Err(invalid("rules.caps", "at most 16 channels with a cap"));
        }
        let mut caps = Vec::with_capacity(operator.rules.caps.len());
        for (channel, cap) in &operator.rules.caps {
            caps.push((self.tables.directory.find_channel(channel)?.0, *cap));
        }
        caps.sort_unstable();
        if caps.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(invalid("rules.caps", "a channel is named twice"));
        }
        Ok(caps.into_boxed_slice())
    }

    fn check_units(&self, operator: &OperatorPlan) -> Result<Box<[(ChannelId, u32)]>, Refusal> {
        if operator.rules.units.len() > OWN_UNITS_MAX {
            return Err(invalid("rules.units", "at most 16 channels"));
        }
        let mut units = Vec::with_capacity(operator.rules.units.len());
        for (channel, own) in &operator.rules.units {
            units.push((self.tables.directory.find_channel(channel)?.0, *own));
            if *own == 0 || *own > CAPACITY_MAX {
                return Err(invalid("rules.units", "1 to 1000000 units"));
            }
        }
        units.sort_unstable();
        if units.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(invalid("rules.units", "a channel is named twice"));
        }
        Ok(units.into_boxed_slice())
    }

    /// Its own caps of queues; its wrap-up is judged behind them.
    fn check_queue_caps(&self, operator: &OperatorPlan) -> Result<Box<[(QueueId, u16)]>, Refusal> {
        let rules = &operator.rules;
        if rules.queue_caps.len() > QUEUE_CAPS_MAX {
            return Err(invalid("rules.queue_caps", "at most 16 queues"));
        }
        let mut caps = Vec::with_capacity(rules.queue_caps.len());
        for (queue, cap) in &rules.queue_caps {
            caps.push((self.tables.directory.find_queue(queue)?.0, *cap));
        }
        caps.sort_unstable();
        if caps.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(invalid("rules.queue_caps", "a queue is named twice"));
        }
        check_span("rules.wrap_up_ms", rules.wrap_up.unwrap_or_default())?;
        Ok(caps.into_boxed_slice())
    }

    /// The calendar of its shifts, if its rules of time are sound.
    fn check_time(&self, operator: &OperatorPlan) -> Result<Option<Name>, Refusal> {
        let (rules, directory) = (&operator.rules, &self.tables.directory);
        if rules.bot && (rules.rests || !rules.breaks.is_empty()) {
            return Err(invalid("rules.bot", "a bot has no breaks and no rest"));
        }
        if rules.breaks.len() > BREAKS_PER_OPERATOR_MAX {
            return Err(invalid("rules.breaks", "at most 8 breaks"));
        }
        for name in &rules.breaks {
            directory.find_break(name).ok_or_else(|| Refusal::UnknownBreak(name.clone()))?;
        }
        let distinct: BTreeSet<_> = rules.breaks.iter().collect();
        if distinct.len() < rules.breaks.len() {
            return Err(invalid("rules.breaks", "a break is named twice"));
        }
        rules.shift.as_ref().map(|name| Ok(directory.find_calendar(name)?.name.clone())).transpose()
    }

    fn check_ranks(&self, operator: &OperatorPlan) -> Result<Box<[(QueueId, u8)]>, Refusal> {
        let mut ranks = Vec::with_capacity(operator.ranks.len());
        for (queue, rank) in &operator.ranks {
            ranks.push((self.tables.directory.find_queue(queue)?.0, *rank));
        }
        ranks.sort_unstable();
        if ranks.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(invalid("ranks", "a queue is named twice"));
        }
        ranks.retain(|entry| entry.1 > 0);
        Ok(ranks.into_boxed_slice())
    }

    fn check_operator_limits(
        &self,
        command: &PutOperators,
        profiles: &[Arc<ProfileKey>],
    ) -> Result<(), Refusal> {
        let logins: BTreeSet<_> = command.operators.iter().map(|operator| &operator.login).collect();
        if logins.len() < command.operators.len() {
            return Err(invalid("login", "an operator is named twice in one command"));
        }
        let added = logins.iter().filter(|login| self.tables.find_login(login).is_none()).count() as u64;
        if self.tables.operators.len() + added > OPERATORS_MAX {
            return Err(Refusal::LimitReached { what: "operators".into(), limit: OPERATORS_MAX });
        }
        let new: BTreeSet<_> = profiles.iter().filter(|key| !self.tables.ix.profiles.knows(key)).collect();
        if self.tables.ix.profiles.len() + new.len() > PROFILES_MAX {
            return Err(Refusal::LimitReached {
                what: "distinct profiles".into(),
                limit: PROFILES_MAX as u64,
            });
        }
        Ok(())
    }

    fn add_operator(&mut self, operator: &OperatorPlan, profile_key: Arc<ProfileKey>) {
        let (slot, generation) = self.tables.operators.next_id();
        let caps = profile_key.caps.len();
        let time = self.time_by(&operator.rules, None);
        self.tables.add_operator(Operator {
            id: OperatorId { slot, generation },
            login: operator.login.clone(),
            profile_key,
            profile: 0,
            capacity: operator.capacity,
            used: 0,
            presence: PresenceState::Offline,
            session: Session::default(),
            idle_since: self.now,
            exclusions: Vec::new(),
            wrap_ups: Vec::new(),
            turn: 0,
            time,
            deputies: operator.rules.deputies.clone().into_boxed_slice(),
            wrap_up: operator.rules.wrap_up,
            counts: vec![0; caps],
        });
    }

    /// A changed skill, unit, rank or capacity counts at once, without a new arrival (R2.5).
    fn change_plan_of(&mut self, slot: u32, plan: &OperatorPlan, profile_key: Arc<ProfileKey>) {
        let (row, capacity) = (self.tables.operator(slot), plan.capacity);
        if *row.deputies != plan.rules.deputies {
            let deputies = plan.rules.deputies.clone().into_boxed_slice();
            self.tables.change_operator(slot, |row| row.deputies = deputies);
        }
        if self.tables.operator(slot).wrap_up != plan.rules.wrap_up {
            self.tables.change_operator(slot, |row| row.wrap_up = plan.rules.wrap_up);
            self.tables.ix.own_wrap_ups = true;
        }
        let row = self.tables.operator(slot);
        let has_time = row.has_time_of(&plan.rules);
        if row.capacity == capacity && row.profile_key == profile_key && has_time {
            return;
        }
        let time = if has_time { row.time.clone() } else { self.time_by(&plan.rules, Some(row)) };
        let (unit, was_bot) = (row.profile_key.unit, row.profile_key.bot);
        let (before, mut changed) = (row.profile, row.clone());
        let known = &row.profile_key;
        // Logs before format 3 have looked at skills and unit alone.
        let fits_others = known.skills != profile_key.skills
            || known.unit != profile_key.unit
            || (self.format >= 3 && *known != profile_key);
        changed.capacity = capacity;
        changed.time = time;
        changed.counts = self.tables.counts_of(slot, &profile_key.caps);
        changed.profile_key = profile_key;
        self.tables.join_profile(&mut changed);
        self.tables.change_operator(slot, |row| *row = changed);
        self.tables.leave_profile(before);
        self.freed.operators.insert(slot);
        self.freed.exclusions |= fits_others;
        for key in self.tables.ix.held.get(&slot).cloned().unwrap_or_default() {
            self.end_vain_hold(key.slot);
        }
        let row = self.tables.operator(slot);
        let is_in_other_team = row.profile_key.unit != unit || row.profile_key.bot != was_bot;
        if row.session.is_open() && is_in_other_team {
            self.freed.teams.insert(unit);
            self.team_changed(slot);
        }
        self.touch(slot);
    }
}

/// The ids of a list of names, sorted, each once.
fn sorted<T: Ord>(
    field: &str,
    names: &[Name],
    find: impl Fn(&Name) -> Result<T, Refusal>,
) -> Result<Box<[T]>, Refusal> {
    if names.len() > OPERATOR_RULES_MAX {
        return Err(invalid(field, "at most 256 names"));
    }
    let mut ids: Vec<T> = names.iter().map(find).collect::<Result<_, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids.into_boxed_slice())
}
