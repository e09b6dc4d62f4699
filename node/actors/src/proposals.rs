//! How the actors ask the log, and how a lost stream is told to it.

use std::time::Duration;

use ringmain_replication::{Answer, ProposeError, Replica};
use ringmain_routing::command::LoseSession;
use ringmain_routing::{Command, Epoch, Party};

use crate::limits;
use crate::offers::OfferTimes;
use crate::session::is_live;

/// Proposes a command. Through a change of leader it waits; a node without a leader for longer says so at once.
///
/// # Errors
/// As [`Replica::propose`].
pub async fn propose(replica: &Replica, command: Command) -> Result<Answer, ProposeError> {
    replica.propose(command, limits::COMMAND_DEADLINE).await
}

/// As [`propose`], measuring the offers that follow. The command is on its way when this returns; what is begun later comes
/// behind it in the log.
///
/// # Errors
/// As [`Replica::begin`], and later as [`propose`].
pub(crate) fn propose_timed(
    replica: &Replica,
    offers: &OfferTimes,
    command: &Command,
) -> Result<impl Future<Output = Result<Answer, ProposeError>> + Send + use<>, ProposeError> {
    let proposed_at = offers.now();
    let proposal = replica.begin(command)?;
    let offers = offers.clone();
    Ok(async move {
        let answer = proposal.settled(limits::COMMAND_DEADLINE).await?;
        offers.proposed(answer.index, proposed_at);
        Ok(answer)
    })
}

/// Tells the log that a stream is gone, until the log knows or says itself that the opening is over.
pub(crate) async fn lose_session(replica: Replica, party: Party, epoch: Epoch) {
    while replica.read(|router| is_live(router, party, epoch)) {
        let command = Command::LoseSession(LoseSession { party, epoch });
        match replica.propose(command, limits::COMMAND_DEADLINE).await {
            Ok(_) | Err(ProposeError::Fatal(_)) => return,
            Err(
                ProposeError::Unavailable { retry_after, .. }
                | ProposeError::Overloaded { retry_after }
                | ProposeError::DiskFull { retry_after },
            ) => {
                tokio::time::sleep(Duration::from_millis(retry_after.0.clamp(50, 1_000))).await;
            }
            Err(ProposeError::Unknown) => {}
        }
    }
}
