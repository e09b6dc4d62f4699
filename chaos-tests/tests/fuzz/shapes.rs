//! Sound messages of every type, made from the descriptors: each field is there, each branch of a choice once.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use ringmain_protocol::FILE_DESCRIPTOR_SET;
use ringmain_routing::{LogIndex, Position};

/// Messages within messages.
const DEPTH_MAX: usize = 6;
/// As many samples of one type as the largest choice has branches, at most.
const VARIANTS_MAX: usize = 24;

/// All messages and methods of the protocol.
pub struct Protocol {
    messages: BTreeMap<String, DescriptorProto>,
    /// Services by name, with their methods.
    pub methods: Vec<Method>,
}

/// One method.
#[derive(Clone, Debug)]
pub struct Method {
    pub path: String,
    pub service: String,
    /// Type of the request, without the package.
    pub input: String,
    pub output: String,
}

impl Protocol {
    pub fn read() -> Protocol {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("this build made the descriptors");
        let mut protocol = Protocol { messages: BTreeMap::new(), methods: Vec::new() };
        for file in set.file.iter().filter(|file| file.package() == "ringmain.v1") {
            for message in &file.message_type {
                protocol.add(".ringmain.v1", message);
            }
            for service in &file.service {
                let method = |method: &prost_types::MethodDescriptorProto| Method {
                    path: format!("/ringmain.v1.{}/{}", service.name(), method.name()),
                    service: service.name().to_owned(),
                    input: own_name(method.input_type()),
                    output: own_name(method.output_type()),
                };
                protocol.methods.extend(service.method.iter().map(method));
            }
        }
        protocol
    }

    fn add(&mut self, above: &str, message: &DescriptorProto) {
        let name = format!("{above}.{}", message.name());
        for nested in &message.nested_type {
            self.add(&name, nested);
        }
        self.messages.insert(name, message.clone());
    }

    /// Samples of a type; `session` is what a field of this name holds.
    pub fn samples(&self, name: &str, session: &str) -> Vec<Vec<u8>> {
        let full = format!(".ringmain.v1.{name}");
        let mut samples: Vec<Vec<u8>> = Vec::new();
        for variant in 0..VARIANTS_MAX {
            let sample = self.message(&full, variant, session, 0);
            if !samples.contains(&sample) {
                samples.push(sample);
            }
        }
        samples
    }

    fn message(&self, name: &str, variant: usize, session: &str, depth: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Some(message) = self.messages.get(name).filter(|_| depth < DEPTH_MAX) else { return bytes };
        let branches = |choice: i32| -> Vec<i32> {
            let of = |field: &&FieldDescriptorProto| field.oneof_index == Some(choice);
            message.field.iter().filter(of).map(FieldDescriptorProto::number).collect()
        };
        for field in &message.field {
            let is_chosen = field.oneof_index.is_none_or(|choice| {
                let branches = branches(choice);
                branches[variant % branches.len()] == field.number()
            });
            let count = if field.label() == Label::Repeated { 2 } else { 1 };
            for _ in 0..if is_chosen { count } else { 0 } {
                self.put(&mut bytes, field, variant, session, depth);
            }
        }
        bytes
    }

    fn put(
        &self,
        bytes: &mut Vec<u8>,
        field: &FieldDescriptorProto,
        variant: usize,
        session: &str,
        depth: usize,
    ) {
        let number = [1_u64, 2, 300, 5][variant % 4];
        let key = |wire: u64| (u64::from(field.number().unsigned_abs()) << 3) | wire;
        let block = |bytes: &mut Vec<u8>, content: &[u8]| {
            put_number(bytes, key(2));
            put_number(bytes, content.len() as u64);
            bytes.extend(content);
        };
        match field.r#type() {
            Type::String => block(bytes, text(field.name(), session).as_bytes()),
            Type::Bytes => block(bytes, &[1, 2, 3, 0, 255, 7]),
            Type::Message | Type::Group => {
                block(bytes, &self.message(field.type_name(), variant, session, depth + 1));
            }
            Type::Fixed64 | Type::Sfixed64 | Type::Double => {
                put_number(bytes, key(1));
                bytes.extend(number.to_le_bytes());
            }
            Type::Fixed32 | Type::Sfixed32 | Type::Float => {
                put_number(bytes, key(5));
                bytes.extend((number as u32).to_le_bytes());
            }
            Type::Bool | Type::Enum => {
                put_number(bytes, key(0));
                put_number(bytes, 1);
            }
            Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 | Type::Sint32 | Type::Sint64 => {
                put_number(bytes, key(0));
                put_number(bytes, number);
            }
        }
    }
}

fn own_name(full: &str) -> String {
    full.trim_start_matches(".ringmain.v1.").to_owned()
}

fn text(field: &str, session: &str) -> String {
    match field {
        "gateway" => "web".into(),
        "login" => "anna".into(),
        "queue" => "calls".into(),
        "channel" => "voice".into(),
        "session" => session.into(),
        "cursor" => Position { index: LogIndex(3), n: 0 }.to_cursor(),
        other => other.into(),
    }
}

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number as u8) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
