//! The form of snapshot files: items of borsh, each after its length (u32, little-endian), hashed
//! while they pass.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::marker::PhantomData;
use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha256};
use titian_contracts::block::encode;
use titian_contracts::digest::Digest;
use titian_contracts::limits;
use titian_contracts::snapshot;

use super::SnapshotError;

/// Passes bytes on and hashes them.
pub(super) struct Hashed<T> {
    inner: T,
    hasher: Sha256,
    bytes: u64,
}

impl<T> Hashed<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, hasher: Sha256::new(), bytes: 0 }
    }

    /// What was hashed, how many bytes, and what is inside.
    pub(super) fn finish(self) -> (Digest, u64, T) {
        (Digest(self.hasher.finalize().into()), self.bytes, self.inner)
    }

    fn count(&mut self, passed: &[u8]) {
        self.hasher.update(passed);
        self.bytes += passed.len() as u64;
    }
}

impl<T: Write> Write for Hashed<T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buf)?;
        self.count(buf.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashed<T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.count(buf.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Writes one item.
pub(super) fn put<T: BorshSerialize>(out: &mut impl Write, item: &T) -> io::Result<()> {
    let bytes = encode(item);
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&bytes)
}

/// A new file whose bytes are hashed.
pub(super) fn create(path: &Path) -> Result<Hashed<BufWriter<File>>, SnapshotError> {
    let file = File::create_new(path).map_err(SnapshotError::file(path))?;
    Ok(Hashed::new(BufWriter::new(file)))
}

/// Ends a file: on disk, with its digest and its bytes.
pub(super) fn close(
    file: Hashed<BufWriter<File>>,
    path: &Path,
) -> Result<(Digest, u64), SnapshotError> {
    let (digest, bytes, buffer) = file.finish();
    let synced = buffer.into_inner().map_err(io::IntoInnerError::into_error);
    synced.and_then(|file| file.sync_all()).map_err(SnapshotError::file(path))?;
    Ok((digest, bytes))
}

/// Brings a folder's names to disk.
pub(super) fn sync(folder: &Path) -> Result<(), SnapshotError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(SnapshotError::file(folder))
}

/// The items of a file.
pub(super) struct Items<R, T> {
    input: R,
    name: String,
    item: PhantomData<T>,
}

impl<R: Read, T: BorshDeserialize> Items<R, T> {
    pub(super) fn new(input: R, name: &str) -> Self {
        Self { input, name: name.to_owned(), item: PhantomData }
    }

    fn read(&mut self) -> io::Result<Option<T>> {
        let mut length = [0; 4];
        if self.input.read(&mut length[..1])? == 0 {
            return Ok(None);
        }
        self.input.read_exact(&mut length[1..])?;
        let length = u32::from_le_bytes(length) as usize;
        if length > limits::SNAPSHOT_ITEM_BYTES_MAX {
            return Err(io::Error::other("an item is longer than allowed"));
        }
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes)?;
        borsh::from_slice(&bytes).map(Some)
    }

    /// What the items were read from.
    pub(super) fn into_inner(self) -> R {
        self.input
    }
}

impl<R: Read, T: BorshDeserialize> Iterator for Items<R, T> {
    type Item = Result<T, SnapshotError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read().map_err(|error| SnapshotError::differs(&self.name, error));
        read.transpose()
    }
}

/// Opens a file whose bytes are hashed while they are read.
pub(super) fn open(folder: &Path, name: &str) -> Result<Hashed<BufReader<File>>, SnapshotError> {
    let path = folder.join(name);
    let file = File::open(&path).map_err(SnapshotError::file(&path))?;
    Ok(Hashed::new(BufReader::new(file)))
}

/// Compares a file that was read with what the manifest says of it.
pub(super) fn check<R: Read>(
    mut file: Hashed<R>,
    name: &str,
    count: u64,
    said: &snapshot::File,
) -> Result<(), SnapshotError> {
    // what stands after the last item counts as well
    io::copy(&mut file, &mut io::sink()).map_err(|e| SnapshotError::differs(name, e))?;
    let (digest, ..) = file.finish();
    if digest == said.sha256 && count == said.count {
        Ok(())
    } else {
        Err(SnapshotError::differs(name, "not the file that the manifest names"))
    }
}
