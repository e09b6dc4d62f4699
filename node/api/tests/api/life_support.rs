//! The life-support register over the API: changed and asked for under a name.

use ringmain_protocol::v1;
use ringmain_protocol::v1::action_service_client::ActionServiceClient;
use ringmain_protocol::v1::life_support_reference::Reference;
use ringmain_protocol::v1::life_support_service_client::LifeSupportServiceClient;

use crate::support::*;

fn phone(number: &str) -> v1::LifeSupportReference {
    v1::LifeSupportReference { reference: Some(Reference::Phone(number.into())) }
}

fn put(add: &[&str], remove: &[&str], dry_run: bool) -> v1::PutLifeSupportRequest {
    let phones = |list: &[&str]| list.iter().map(|number| phone(number)).collect();
    v1::PutLifeSupportRequest { add: phones(add), remove: phones(remove), dry_run }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_register_is_changed_and_every_question_stands_in_the_audit_without_the_number() {
    let node = Node::start().await;
    let mut vera = LifeSupportServiceClient::with_interceptor(node.channel().await, Bearer::new(SUPERVISOR));
    let dry = vera.put_life_support(put(&["+7-1", "+7-2", "+7-1"], &[], true)).await.unwrap().into_inner();
    assert_eq!((dry.receipt.is_some(), dry.size), (false, 2));
    let done = vera.put_life_support(put(&["+7-1", "+7-2"], &[], false)).await.unwrap().into_inner();
    assert_eq!((done.receipt.is_some(), done.size), (true, 2));
    let dry = vera.put_life_support(put(&["+7-3"], &["+7-1", "+7-9"], true)).await.unwrap().into_inner();
    assert_eq!(dry.size, 2);
    let ask = |number: &str| v1::CheckLifeSupportRequest { reference: Some(phone(number)) };
    let checked = vera.check_life_support(ask("+7-1")).await.unwrap().into_inner();
    assert!(checked.registered);
    assert!(checked.receipt.unwrap().log_index > done.receipt.unwrap().log_index);
    let again = put(&[], &["+7-1"], false);
    assert_eq!(vera.put_life_support(again).await.unwrap().into_inner().size, 1);
    assert!(!vera.check_life_support(ask("+7-1")).await.unwrap().into_inner().registered);

    let mut actions = ActionServiceClient::with_interceptor(node.channel().await, Bearer::new(SUPERVISOR));
    let listed = actions.list_audit(v1::ListAuditRequest::default()).await.unwrap().into_inner();
    let text = format!("{listed:?}");
    assert_eq!(text.matches("check-life-support").count(), 2);
    assert_eq!(text.matches("put-life-support").count(), 2);
    assert!(!text.contains("+7-1"), "no number stands in the audit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_change_is_said_field_by_field() {
    let node = Node::start().await;
    let mut vera = LifeSupportServiceClient::with_interceptor(node.channel().await, Bearer::new(SUPERVISOR));
    let refused = vera.put_life_support(put(&[], &[], false)).await.unwrap_err();
    assert!(refused.message().contains("name 1 to 2000"), "{refused}");
    let mut wrong = put(&["+7-1"], &[""], false);
    wrong.add.push(v1::LifeSupportReference::default());
    let refused = vera.put_life_support(wrong).await.unwrap_err();
    assert!(
        refused.message().contains("add[1]") && refused.message().contains("remove[0].phone"),
        "{refused}"
    );
    let nobody = vera.check_life_support(v1::CheckLifeSupportRequest::default()).await.unwrap_err();
    assert!(nobody.message().contains("reference"), "{nobody}");
    let mut anna = LifeSupportServiceClient::with_interceptor(node.channel().await, Bearer::new(OPERATOR));
    let request = v1::CheckLifeSupportRequest { reference: Some(phone("+7-1")) };
    assert_eq!(anna.check_life_support(request).await.unwrap_err().code(), tonic::Code::PermissionDenied);
}
