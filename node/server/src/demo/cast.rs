//! The demo's clients: gateways and operators of the centre and of the probe, spread over all nodes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use ringmain_bench::play::{GatewaySeat, OperatorSeat, Playing, Probe, ProbeRate, Shift, Stage, play};
use ringmain_bench::scenario::Scenario;

use super::setup::{PROBE_CHANNEL, PROBE_OPERATORS_PER_NODE, PROBE_QUEUE, Secrets, probe_login};

/// How long the last answers are waited for.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// All clients of the demo.
pub struct Cast {
    stage: Stage,
    centre: Arc<[GatewaySeat]>,
    probe: Arc<[GatewaySeat]>,
    operators: Vec<OperatorSeat>,
    plays: Vec<Playing>,
    probes: Vec<Probe>,
}

/// Name of the gateway that is left to whoever watches the demo.
pub const GUEST: &str = "guest";

/// Names of the gateways: one of the centre and one of the probe at each node.
pub fn gateway_names(nodes: usize) -> Vec<String> {
    let centre = (1..=nodes).map(|node| format!("exchange-{node}"));
    centre.chain((1..=nodes).map(|node| format!("probe-gateway-{node}"))).collect()
}

impl Cast {
    /// Connects everybody. The shifts of the scenario pass `speed` times as fast as written, from `begin` on.
    ///
    /// # Errors
    /// A client that cannot be made.
    pub fn assemble(
        stage: &Stage,
        secrets: &Secrets,
        scenario: &Scenario,
        nodes: usize,
        speed: f64,
    ) -> Result<Cast> {
        let names = gateway_names(nodes);
        let seat = |(place, name): (usize, &String)| {
            GatewaySeat::take(stage, name, &secrets.token("gateway", name), place % nodes)
        };
        let gateways = names.iter().enumerate().map(seat).collect::<Result<Vec<_>, _>>()?;
        let mut gateways = gateways.into_iter();
        let centre: Arc<[GatewaySeat]> = gateways.by_ref().take(nodes).collect();
        let probe: Arc<[GatewaySeat]> = gateways.collect();
        let mut operators = Vec::new();
        let begin = stage.elapsed();
        for (place, operator) in scenario.operators.iter().enumerate() {
            let login = &*operator.operator_id;
            let shifts = operator.shifts.iter().flatten().map(|shift| Shift {
                from: begin + compressed(shift.from_ms, speed),
                to: begin + compressed(shift.to_ms, speed),
            });
            let token = secrets.token("operator", login);
            operators.push(OperatorSeat::take(stage, login, &token, place % nodes, shifts.collect())?);
        }
        for place in 0..nodes * PROBE_OPERATORS_PER_NODE {
            let login = probe_login(place);
            let token = secrets.token("operator", &login);
            operators.push(OperatorSeat::take(stage, &login, &token, place % nodes, Vec::new())?);
        }
        Ok(Cast { stage: stage.clone(), centre, probe, operators, plays: Vec::new(), probes: Vec::new() })
    }

    /// Starts to play a scenario.
    pub fn play(&mut self, scenario: Arc<Scenario>, speed: f64, until: Duration) {
        self.plays.push(play(&self.stage, self.centre.clone(), scenario, speed, until));
    }

    /// Starts the probe.
    pub fn probe(&mut self, per_second: u32, until: Duration) {
        let (queue, channel) = (PROBE_QUEUE.to_owned(), PROBE_CHANNEL.to_owned());
        let rate = ProbeRate { per_second, queue, channel, service: Duration::ZERO };
        self.probes.push(Probe::start(&self.stage, self.probe.clone(), rate, until));
    }

    /// Ends the play in good order: nobody new, talks are completed, answers are waited for.
    pub async fn finish(self) {
        // What is still being played when the demo is quit early ends with its task.
        drop((self.plays, self.probes));
        join_all(self.operators.into_iter().map(|operator| operator.finish(LAST_ANSWERS))).await;
        let gateways = self.centre.iter().chain(self.probe.iter());
        join_all(gateways.map(|gateway| gateway.finish(LAST_ANSWERS))).await;
    }
}

fn compressed(ms: u64, speed: f64) -> Duration {
    Duration::from_secs_f64(ms as f64 / 1000.0 / speed)
}
