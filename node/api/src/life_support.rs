//! The life-support register over the API: who is in it is changed and asked for under a name, and stands in the audit.

use std::sync::Arc;

use ringmain_protocol::v1::life_support_service_server::LifeSupportService;
use ringmain_protocol::v1::{self, Error};
use ringmain_routing::command::{PutLifeSupport, Reference, life_support_hash};
use ringmain_routing::limits::LIFE_SUPPORT_PER_COMMAND_MAX;
use ringmain_routing::{Command, Name, Reply};
use ringmain_telemetry::codes;
use tonic::{Request, Response, Status};

use crate::auth::caller_name;
use crate::convert::receipt;
use crate::shared::Shared;
use crate::validate::Problems;
use crate::{error, note};

/// `LifeSupportService`.
pub(crate) struct LifeSupport {
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl LifeSupportService for LifeSupport {
    async fn put_life_support(
        &self,
        request: Request<v1::PutLifeSupportRequest>,
    ) -> Result<Response<v1::PutLifeSupportResponse>, Status> {
        let by = caller_name(&request);
        let put = self.put(by, &request.into_inner()).await;
        put.map(Response::new).map_err(|error| error::status(&error))
    }

    async fn check_life_support(
        &self,
        request: Request<v1::CheckLifeSupportRequest>,
    ) -> Result<Response<v1::CheckLifeSupportResponse>, Status> {
        let by = caller_name(&request);
        let checked = self.check(by, &request.into_inner()).await;
        checked.map(Response::new).map_err(|error| error::status(&error))
    }
}

impl LifeSupport {
    async fn put(
        &self,
        by: Option<Name>,
        request: &v1::PutLifeSupportRequest,
    ) -> Result<v1::PutLifeSupportResponse, Error> {
        let command = PutLifeSupport { by: known(by)?, ..changes(request)? };
        self.shared.admit()?;
        if request.dry_run {
            let size = self.shared.replica.read(|router| router.preview_life_support(&command));
            return Ok(v1::PutLifeSupportResponse {
                receipt: None,
                size: size.map_err(|r| error::refused(&r))? as u64,
            });
        }
        let command = Command::PutLifeSupport(command);
        let answer = ringmain_actors::propose(&self.shared.replica, command).await;
        let answer = answer.map_err(|failed| error::not_proposed(&failed, &self.shared.nodes))?;
        match &answer.reply {
            Ok(Reply::Done) => {
                let size = self.shared.replica.read(ringmain_routing::Router::life_support_size) as u64;
                Ok(v1::PutLifeSupportResponse { receipt: Some(receipt(0, &answer)), size })
            }
            Ok(_) => Err(error::of_code(&codes::FATAL, "the register got another command's reply")),
            Err(refusal) => Err(error::refused(refusal)),
        }
    }

    /// The note comes first: an answer that nobody wrote down is not given.
    async fn check(
        &self,
        by: Option<Name>,
        request: &v1::CheckLifeSupportRequest,
    ) -> Result<v1::CheckLifeSupportResponse, Error> {
        let by = known(by)?;
        let mut problems = Problems::default();
        let asked = reference(&mut problems, "reference", request.reference.as_ref());
        let (kind, text) = problems.into_result(asked)?;
        self.shared.admit()?;
        let hash = life_support_hash(kind, &text);
        let detail = format!("{} {hash:032x}", word(kind));
        let answer = note::put(&self.shared, by, "check-life-support", detail).await?;
        let registered = self.shared.replica.read(|router| router.is_on_life_support(hash));
        Ok(v1::CheckLifeSupportResponse { registered, receipt: Some(receipt(0, &answer)) })
    }
}

fn known(by: Option<Name>) -> Result<Name, Error> {
    by.ok_or_else(|| error::of_code(&codes::FATAL, "a call was let in without a name"))
}

/// As the audit names it.
fn word(kind: Reference) -> &'static str {
    match kind {
        Reference::Phone => "phone",
        Reference::Account => "account",
        Reference::SupplyPoint => "supply point",
    }
}

fn changes(request: &v1::PutLifeSupportRequest) -> Result<PutLifeSupport, Error> {
    let mut problems = Problems::default();
    let count = request.add.len() + request.remove.len();
    if count == 0 || count > LIFE_SUPPORT_PER_COMMAND_MAX {
        let most = LIFE_SUPPORT_PER_COMMAND_MAX;
        problems.add("add", format!("and remove have {count} entries together; name 1 to {most}"));
    }
    let mut hashes = |field: &str, list: &[v1::LifeSupportReference]| -> Vec<u128> {
        let each = list.iter().enumerate().take(LIFE_SUPPORT_PER_COMMAND_MAX);
        each.map(|(n, row)| {
            let (kind, text) = reference(&mut problems, &format!("{field}[{n}]"), Some(row));
            life_support_hash(kind, &text)
        })
        .collect()
    };
    let (add, remove) = (hashes("add", &request.add), hashes("remove", &request.remove));
    problems.into_result(PutLifeSupport { by: Name::default(), add, remove })
}

fn reference(
    problems: &mut Problems,
    field: &str,
    given: Option<&v1::LifeSupportReference>,
) -> (Reference, Name) {
    use v1::life_support_reference::Reference as Given;
    let (kind, part, text) = match given.and_then(|given| given.reference.as_ref()) {
        Some(Given::Phone(text)) => (Reference::Phone, "phone", text),
        Some(Given::Account(text)) => (Reference::Account, "account", text),
        Some(Given::SupplyPoint(text)) => (Reference::SupplyPoint, "supply_point", text),
        None => {
            problems.add(field, "is empty; give a phone, an account or a supply point");
            return (Reference::Phone, Name::default());
        }
    };
    (kind, problems.name(&format!("{field}.{part}"), text))
}
