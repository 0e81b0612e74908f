//! A directory that lives in memory: what a store writes there can be read at once.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aofstore_core::fs::{Create, Dir, File, ReadFile};

/// One file, whatever it is called.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    pub fn bytes(&self) -> Vec<u8> {
        self.with(|bytes| bytes.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Dir for Memory {
    fn path(&self) -> &Path {
        Path::new("memory")
    }

    fn open_append(&self, _: &str, _: Create) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(self.clone()))
    }

    fn open_read(&self, _: &str) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(self.clone()))
    }

    fn size(&self, _: &str) -> io::Result<Option<u64>> {
        Ok(Some(File::size(self)?))
    }

    fn mode(&self, _: &str) -> io::Result<Option<u32>> {
        Ok(Some(0o600))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn unlink(&self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn hard_link(&self, _: &str, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn write_new(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(())
    }
}

impl File for Memory {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|all| all.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|all| all.truncate(len as usize));
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.with(|all| all.len()) as u64)
    }
}

impl ReadFile for Memory {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.with(|all| {
            let rest = all.get(offset as usize..).unwrap_or_default();
            let count = rest.len().min(into.len());
            into[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        })
    }

    fn size(&self) -> io::Result<u64> {
        File::size(self)
    }
}
