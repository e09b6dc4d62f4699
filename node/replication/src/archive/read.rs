//! Reading an archive from its first byte to its last, with every sum looked at.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use super::{
    ARCHIVE_VERSION, ArchiveError, ArchiveHead, ArchivePart, MAGIC, SNAPSHOT, TAG_DATA, TAG_END, TAG_HEAD,
    hex,
};
use crate::files::StorageError;
use crate::segments::{Frame, FrameReader, ReadError};

/// Told the place of a part in the head, and its next bytes.
pub(super) type Sink<'a> = dyn FnMut(usize, &ArchivePart, &[u8]) -> Result<(), StorageError> + Send + 'a;

/// An archive of which the head has been read.
pub(super) struct Reader<'a> {
    path: &'a Path,
    frames: FrameReader,
    hash: Xxh3,
    pub head: ArchiveHead,
}

/// Reads all of an archive and checks it; says what it holds.
pub fn inspect(path: &Path) -> Result<ArchiveHead, ArchiveError> {
    Reader::open(path)?.read_all(&mut |_, _, _| Ok(()))
}

impl<'a> Reader<'a> {
    /// Opens an archive and reads its head.
    pub fn open(path: &'a Path) -> Result<Reader<'a>, ArchiveError> {
        let mut file = File::open(path).map_err(StorageError::io(path, "open the file"))?;
        let len = file.metadata().map_err(StorageError::io(path, "read the file"))?.len();
        let mut magic = [0; 4];
        if len < 4 || file.read_exact(&mut magic).is_err() || magic != MAGIC {
            return Err(ArchiveError::damaged(path, "it is no archive of this program"));
        }
        let frames = FrameReader::new(file, 4, len).map_err(StorageError::io(path, "read the file"))?;
        let mut hash = Xxh3::new();
        hash.update(&magic);
        let mut reader = Reader { path, frames, hash, head: ArchiveHead::default() };
        reader.head = reader.read_head()?;
        Ok(reader)
    }

    fn read_head(&mut self) -> Result<ArchiveHead, ArchiveError> {
        let path = self.path;
        let frame = next(&mut self.frames, path)?;
        let (version, json) = match frame.content() {
            [TAG_HEAD, a, b, json @ ..] => (u16::from_le_bytes([*a, *b]), json),
            [] | [..] => return Err(ArchiveError::damaged(path, "it has no head")),
        };
        if version > ARCHIVE_VERSION {
            return Err(ArchiveError::Newer { path: path.to_path_buf(), found: version });
        }
        let head: ArchiveHead = serde_json::from_slice(json)
            .map_err(|error| ArchiveError::damaged(path, format!("its head: {error}")))?;
        self.hash.update(frame.bytes());
        if head.parts.first().is_none_or(|part| part.name != SNAPSHOT) || head.segment_records == 0 {
            return Err(ArchiveError::damaged(path, "its head names no state"));
        }
        Ok(head)
    }

    /// Reads the rest, hands each part's bytes to `sink` and checks all of it.
    pub fn read_all(mut self, sink: &mut Sink<'_>) -> Result<ArchiveHead, ArchiveError> {
        for (place, part) in self.head.parts.iter().enumerate() {
            let mut hash = Xxh3::new();
            let mut bytes = 0;
            while bytes < part.bytes {
                let frame = next(&mut self.frames, self.path)?;
                let [TAG_DATA, data @ ..] = frame.content() else {
                    return Err(ArchiveError::damaged(self.path, format!("{} is cut short", part.name)));
                };
                bytes += data.len() as u64;
                hash.update(data);
                self.hash.update(frame.bytes());
                sink(place, part, data)?;
            }
            if bytes != part.bytes || hex(hash.digest128()) != part.hash {
                return Err(ArchiveError::damaged(self.path, format!("the hash of {} is wrong", part.name)));
            }
        }
        self.read_end()?;
        Ok(self.head)
    }

    fn read_end(&mut self) -> Result<(), ArchiveError> {
        let frame = next(&mut self.frames, self.path)?;
        let [TAG_END, hash @ ..] = frame.content() else {
            return Err(ArchiveError::damaged(self.path, "it has no end"));
        };
        if *hash != self.hash.digest128().to_le_bytes() {
            return Err(ArchiveError::damaged(self.path, "its hash is wrong"));
        }
        match self.frames.next_frame() {
            Ok(None) => Ok(()),
            Ok(Some(_)) | Err(_) => Err(ArchiveError::damaged(self.path, "something follows its end")),
        }
    }
}

fn next<'f>(frames: &'f mut FrameReader, path: &Path) -> Result<Frame<'f>, ArchiveError> {
    match frames.next_frame() {
        Ok(Some(frame)) => Ok(frame),
        Ok(None) => Err(ArchiveError::damaged(path, "it ends before its end mark: it was cut short")),
        Err(ReadError::Io(error)) => Err(StorageError::io(path, "read the file")(error).into()),
        Err(error @ (ReadError::Frame(_) | ReadError::Record(_) | ReadError::Content(_))) => {
            Err(ArchiveError::damaged(path, error.to_string()))
        }
    }
}
