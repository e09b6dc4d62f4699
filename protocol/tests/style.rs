//! The .proto files keep to buf's STANDARD rules as far as clients depend on them, and what is sent is what arrives.

use std::collections::BTreeSet;

use prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use ringmain_protocol::v1::gateway_service_session_request::Message as Up;
use ringmain_protocol::v1::{
    CallbackOrder, ContactDetails, GatewayPush, GatewayServiceSessionRequest, GatewayServiceSessionResponse,
    OperatorServiceSessionResponse, PreferredOperator, SkillLevel,
};

#[test]
fn every_enum_begins_with_unspecified_and_carries_its_name_as_prefix() {
    for file in &files() {
        let nested = file.message_type.iter().flat_map(|message| &message.enum_type);
        for item in file.enum_type.iter().chain(nested) {
            let prefix = screaming(item.name());
            let names = names(item);
            assert_eq!(names[0], format!("{prefix}_UNSPECIFIED"), "{}", item.name());
            assert_eq!(item.value[0].number(), 0, "{}", item.name());
            assert!(names.iter().all(|name| name.starts_with(&prefix)), "{names:?}");
        }
    }
}

#[test]
fn every_rpc_has_a_request_and_a_response_of_its_own() {
    let mut used = BTreeSet::new();
    for file in &files() {
        for service in &file.service {
            assert!(service.name().ends_with("Service"));
            for rpc in &service.method {
                for (kind, ending) in [(rpc.input_type(), "Request"), (rpc.output_type(), "Response")] {
                    let short = format!(".ringmain.v1.{}{ending}", rpc.name());
                    let long = format!(".ringmain.v1.{}{}{ending}", service.name(), rpc.name());
                    assert!(kind == short || kind == long, "{} has {kind}", rpc.name());
                    assert!(used.insert(kind.to_owned()), "{kind} is used twice");
                }
            }
        }
    }
    assert!(used.len() > 40);
}

#[test]
fn every_word_of_a_session_has_a_call_for_those_who_hold_no_stream() {
    let files = files();
    for party in ["Gateway", "Operator"] {
        let stream = format!("{party}ServiceSessionRequest");
        let mut messages = files.iter().flat_map(|file| &file.message_type);
        let words = messages.find(|message| message.name() == stream).expect("it exists");
        let mut services = files.iter().flat_map(|file| &file.service);
        let service = services.find(|service| service.name() == format!("{party}Service"));
        let calls: BTreeSet<&str> = service.expect("it exists").method.iter().map(|rpc| rpc.name()).collect();
        for word in words.field.iter().map(|field| field.name()).filter(|word| *word != "hello") {
            let call: String = word.split('_').map(capitalised).collect();
            assert!(calls.contains(call.as_str()), "{party}Service has no call {call}");
        }
        for call in ["OpenSession", "PollEvents", "CloseSession"] {
            assert!(calls.contains(call), "{party}Service has no call {call}");
        }
    }
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

#[test]
fn every_change_carries_a_key_by_which_it_is_done_once() {
    let files = files();
    let message = |name: &str| -> DescriptorProto {
        let mut all = files.iter().flat_map(|file| &file.message_type);
        all.find(|message| message.name() == name).expect("it exists").clone()
    };
    let keys = [
        ("GatewayPush", "key"),
        ("GatewayUpdate", "key"),
        ("GatewayAbandon", "key"),
        ("GatewayDeflect", "key"),
        ("GatewayNoteMessage", "number"),
        ("OperatorSetPresence", "seq"),
        ("OperatorAccept", "assignment"),
        ("OperatorDecline", "assignment"),
        ("OperatorComplete", "assignment"),
        ("OperatorExtendWrapUp", "until_ms"),
        ("OperatorEndWrapUp", "assignment"),
        ("OperatorTransfer", "assignment"),
        ("OperatorHold", "assignment"),
        ("OperatorTakeNext", "seq"),
        ("OperatorAssignContact", "contact"),
        ("OperatorAskForBreak", "seq"),
        ("OperatorRequestPerson", "assignment"),
        ("OperatorAskColleague", "assignment"),
        ("OperatorEndConsult", "leg"),
        ("OperatorJoinConsult", "leg"),
        ("GatewayRequestPerson", "key"),
        ("OperatorInviteCompanion", "number"),
        ("OperatorBeginEnquiry", "question"),
        ("OperatorAskForHelp", "seq"),
        ("OperatorFreeCaller", "enquiry"),
        ("OperatorCloseEnquiry", "enquiry"),
    ];
    for (name, key) in keys {
        let fields: Vec<_> = message(name).field.iter().map(|field| field.name().to_owned()).collect();
        assert!(fields.iter().any(|field| field == key), "{name}: {fields:?}");
        assert!(fields.iter().any(|field| field == "op_id"), "{name}: {fields:?}");
    }
}

#[test]
fn a_push_with_everything_in_it_arrives_as_it_was_sent() {
    let push = GatewayPush {
        op_id: u64::MAX,
        key: "ключ".to_owned(),
        queue: "outage".to_owned(),
        channel: "voice".to_owned(),
        tier: 9,
        head_start_ms: 60_000,
        skills: vec![SkillLevel { skill: "kazakh".to_owned(), level: 10 }],
        scope: Some(String::new()),
        units: Some(0),
        not_before_ms: Some(0),
        preferred: Some(PreferredOperator { login: "anna".to_owned(), hold_ms: 0 }),
        callback: Some(CallbackOrder { number: "+7".to_owned(), principals: "grid".to_owned() }),
        details: Some(ContactDetails {
            customer: Some("c".to_owned()),
            attributes: vec![0, 255].into(),
            ..Default::default()
        }),
        facts: Default::default(),
    };
    let request = GatewayServiceSessionRequest { message: Some(Up::Push(push)) };
    let arrived = GatewayServiceSessionRequest::decode(request.encode_to_vec().as_slice());
    assert_eq!(arrived, Ok(request), "0 and empty differ from absent");
}

#[test]
fn no_bytes_make_decoding_panic() {
    let mut state = 1_u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    for _ in 0..20_000 {
        let length = byte() as usize;
        let bytes: Vec<u8> = (0..length).map(|_| byte()).collect();
        drop(GatewayServiceSessionRequest::decode(bytes.as_slice()));
        drop(GatewayServiceSessionResponse::decode(bytes.as_slice()));
        drop(OperatorServiceSessionResponse::decode(bytes.as_slice()));
    }
}

fn files() -> Vec<FileDescriptorProto> {
    let set =
        FileDescriptorSet::decode(ringmain_protocol::FILE_DESCRIPTOR_SET).expect("built with the crate");
    let ours: Vec<_> = set.file.into_iter().filter(|file| file.package() == "ringmain.v1").collect();
    assert_eq!(ours.len(), 12);
    ours
}

fn names(item: &EnumDescriptorProto) -> Vec<String> {
    item.value.iter().map(|value| value.name().to_owned()).collect()
}

fn screaming(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_uppercase());
    }
    text
}
