//! A reply as flat nodes over one byte buffer, so that any reply costs at most two allocations.
//!
//! Handlers write it in order; the binding walks it once. A muted reply (replay) stores nothing.

use crate::keyspace::Entry;

/// One node; an aggregate is followed by its items (a map by key, value, key, value …).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node {
    Nil,
    Int(i64),
    Double(f64),
    Status(&'static str),
    /// Start and length in the byte buffer.
    Bulk(usize, usize),
    /// The same for what is no text in any encoding, and is never decoded.
    Binary(usize, usize),
    /// An error inside an aggregate (EXEC); start and length of its text.
    Error(usize, usize),
    Array(usize),
    Map(usize),
    Set(usize),
}

#[derive(Debug, Default)]
pub struct Reply {
    nodes: Vec<Node>,
    bytes: Vec<u8>,
    muted: bool,
    /// There was no memory for a value; a nil stands in its place.
    full: bool,
}

/// Where an aggregate of yet unknown length begins.
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize);

impl Reply {
    pub const fn new() -> Self {
        Self { nodes: Vec::new(), bytes: Vec::new(), muted: false, full: false }
    }

    /// A reply that keeps nothing: for replay, where nobody reads it.
    pub fn muted() -> Self {
        Self { muted: true, ..Self::default() }
    }

    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Growth by doubling may be more than there is where the growth itself is not.
    fn has_room(&mut self, more: usize) -> bool {
        let room = self.bytes.try_reserve(more).or_else(|_| self.bytes.try_reserve_exact(more));
        self.full |= room.is_err();
        room.is_ok()
    }

    /// Whether the memory did not suffice since this was last asked.
    pub fn take_full(&mut self) -> bool {
        std::mem::take(&mut self.full)
    }

    /// The bytes of a `Bulk` or `Error` node of this reply.
    pub fn slice(&self, start: usize, len: usize) -> &[u8] {
        self.bytes.get(start..start + len).unwrap_or_default()
    }

    pub fn clear(&mut self) {
        self.nodes.clear();
        self.bytes.clear();
        if self.bytes.capacity() > 1 << 16 {
            self.bytes = Vec::new();
        }
        if self.nodes.capacity() > 1 << 12 {
            self.nodes = Vec::new();
        }
    }

    /// Forgets everything written since `nodes().len()` was `len`: an error replaces a half-written reply.
    pub fn rewind(&mut self, len: usize) {
        self.nodes.truncate(len);
    }

    fn node(&mut self, node: Node) {
        if !self.muted {
            self.nodes.push(node);
        }
    }

    pub fn nil(&mut self) {
        self.node(Node::Nil);
    }

    pub fn int(&mut self, value: i64) {
        self.node(Node::Int(value));
    }

    pub fn len(&mut self, value: usize) {
        self.node(Node::Int(value as i64));
    }

    pub fn bool(&mut self, value: bool) {
        self.node(Node::Int(i64::from(value)));
    }

    pub fn double(&mut self, value: f64) {
        self.node(Node::Double(value));
    }

    pub fn status(&mut self, text: &'static str) {
        self.node(Node::Status(text));
    }

    pub fn ok(&mut self) {
        self.status("OK");
    }

    pub fn bulk(&mut self, bytes: &[u8]) {
        if self.muted {
            return;
        }
        let start = self.bytes.len();
        if !self.has_room(bytes.len()) {
            return self.nil();
        }
        self.bytes.extend_from_slice(bytes);
        self.nodes.push(Node::Bulk(start, bytes.len()));
    }

    /// Bytes that are no text.
    pub fn binary(&mut self, bytes: &[u8]) {
        self.bulk(bytes);
        if let Some(node) = self.nodes.last_mut()
            && let Node::Bulk(start, len) = *node
        {
            *node = Node::Binary(start, len);
        }
    }

    pub fn bulk_int(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    pub fn bulk_or_nil(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.nil(),
        }
    }

    /// An element of a collection.
    pub fn entry(&mut self, entry: Entry<'_>) {
        match entry {
            Entry::Int(value) => self.bulk_int(value),
            Entry::Str(bytes) => self.bulk(bytes),
        }
    }

    /// Room for `nodes` more, a number that a user chose: false if the memory is not to be had.
    pub fn reserve(&mut self, nodes: usize) -> bool {
        self.muted || self.nodes.try_reserve(nodes).is_ok()
    }

    pub fn error(&mut self, text: &str) {
        if self.muted {
            return;
        }
        if !self.has_room(text.len()) {
            return self.nil();
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text.as_bytes());
        self.nodes.push(Node::Error(start, text.len()));
    }

    pub fn array(&mut self, len: usize) {
        self.node(Node::Array(len));
    }

    pub fn map(&mut self, pairs: usize) {
        self.node(Node::Map(pairs));
    }

    pub fn set(&mut self, len: usize) {
        self.node(Node::Set(len));
    }

    /// Opens an array whose length is told by [`Reply::close_array`].
    pub fn open_array(&mut self) -> Mark {
        self.array(0);
        Mark(self.nodes.len().saturating_sub(1))
    }

    pub fn close_array(&mut self, mark: Mark, len: usize) {
        if let Some(node) = self.nodes.get_mut(mark.0) {
            *node = Node::Array(len);
        }
    }

    pub fn close_set(&mut self, mark: Mark, len: usize) {
        if let Some(node) = self.nodes.get_mut(mark.0) {
            *node = Node::Set(len);
        }
    }
}
