//! The bundle's file: a gzipped tar with a manifest of what is in it and what could not be had.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// Everything that goes into the bundle.
#[derive(Debug, Default)]
pub(super) struct Parts {
    parts: Vec<(String, Vec<u8>)>,
    missing: Vec<(String, String)>,
}

impl Parts {
    /// A part, or why it could not be had.
    pub(super) fn add(&mut self, name: &str, content: Result<Vec<u8>, String>) {
        match content {
            Ok(content) => self.parts.push((name.to_owned(), content)),
            Err(cause) => self.missing.push((name.to_owned(), cause)),
        }
    }

    /// The same of something that JSON can say.
    pub(super) fn add_json(&mut self, name: &str, content: Result<Value, String>) {
        self.add(name, content.map(|json| format!("{json:#}\n").into_bytes()));
    }

    /// What is in the bundle, and what is not and why.
    pub(super) fn manifest(&self) -> Value {
        let parts: Vec<Value> =
            self.parts.iter().map(|(name, content)| json!({"name": name, "bytes": content.len()})).collect();
        let missing: Vec<Value> =
            self.missing.iter().map(|(name, cause)| json!({"name": name, "cause": cause})).collect();
        json!({"parts": parts, "missing": missing})
    }

    /// Writes the file whole, readable by its owner alone.
    ///
    /// # Errors
    /// When it exists or cannot be written.
    pub(super) fn write(&self, path: &Path, made_at_s: u64) -> io::Result<()> {
        if path.exists() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "exists already; choose another name"));
        }
        let beside = beside(path);
        let file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        let written = self.pack(file, made_at_s).and_then(|file| file.sync_all());
        let named = written.and_then(|()| std::fs::rename(&beside, path));
        if named.is_err() {
            // The first error says more than a failure to clean up after it.
            let _ = std::fs::remove_file(&beside);
        }
        named
    }

    fn pack<W: Write>(&self, to: W, made_at_s: u64) -> io::Result<W> {
        let mut tar = tar::Builder::new(GzEncoder::new(to, Compression::default()));
        let manifest = format!("{:#}\n", self.manifest()).into_bytes();
        let manifest = ("manifest.json".to_owned(), manifest);
        for (name, content) in [&manifest].into_iter().chain(&self.parts) {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(made_at_s);
            tar.append_data(&mut header, format!("ringmain-bundle/{name}"), content.as_slice())?;
        }
        tar.into_inner()?.finish()
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_bundle_holds_its_parts_and_says_what_is_missing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("b.tar.gz");
        let mut parts = Parts::default();
        parts.add("a.txt", Ok(b"hello".to_vec()));
        parts.add_json("b.json", Err("node 2 is away".to_owned()));
        parts.write(&path, 0).expect("written");
        let file = std::fs::File::open(&path).expect("there");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
        let mut found = Vec::new();
        for entry in archive.entries().expect("a tar") {
            let mut entry = entry.expect("whole");
            let name = entry.path().expect("a name").display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            found.push((name, text));
        }
        assert_eq!(found[1], ("ringmain-bundle/a.txt".to_owned(), "hello".to_owned()));
        assert!(found[0].1.contains("node 2 is away"), "{}", found[0].1);
        let again = parts.write(&path, 0).expect_err("it exists");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            1,
            "nothing half done is left"
        );
    }
}
