//! Compiles the .proto files without protoc, with their descriptors for server reflection.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut files: Vec<PathBuf> = fs::read_dir("proto/ringmain/v1")?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "proto"));
    files.sort();

    let descriptors = protox::Compiler::new(["proto"])?
        .include_source_info(true)
        .include_imports(true)
        .open_files(&files)?
        .file_descriptor_set();
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    write_if_changed(&out.join("ringmain.bin"), &without_comments(descriptors.clone()).encode_to_vec())?;
    // Maps in order, so that a message is always written in the same bytes.
    tonic_prost_build::configure().bytes(".").btree_map(".").compile_fds(descriptors)?;
    Ok(())
}

/// Reflection needs no comments, and the binary need not carry them.
fn without_comments(mut descriptors: prost_types::FileDescriptorSet) -> prost_types::FileDescriptorSet {
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    descriptors
}

/// An equal file keeps its time, so that nothing is built anew for nothing.
fn write_if_changed(path: &Path, content: &[u8]) -> Result<(), std::io::Error> {
    if fs::read(path).is_ok_and(|old| old == content) { Ok(()) } else { fs::write(path, content) }
}
