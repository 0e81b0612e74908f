//! One node in one allocation: header, next pointers, spans, member bytes.
//!
//! Only this directory may call it. A [`NodePtr`] is a plain copyable pointer; all its functions are sound until
//! someone calls [`NodePtr::free`], whose caller promises that no copy is used again.
//! INVARIANT: the height and the member never change; levels at or above the height do not exist.
#![expect(unsafe_code, reason = "nodes of variable size that point at each other")]

use std::ptr::NonNull;
use std::slice;

use crate::encoding::thin;

/// Levels enough for 4^32 members.
pub(super) const MAX_HEIGHT: usize = 32;

#[repr(C)]
struct Header {
    score: f64,
    back: Option<NodePtr>,
    /// Length of the member, shifted left by 8; the height below.
    shape: usize,
}

type Next = Option<NodePtr>;
type Span = u32;

const NEXTS: usize = size_of::<Header>();

/// Points to a live node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::encoding) struct NodePtr(NonNull<Header>);

// SAFETY: a node is plain data; the list that owns it decides who may write.
unsafe impl Send for NodePtr {}
// SAFETY: as above; writing takes `&mut` of the list.
unsafe impl Sync for NodePtr {}

const fn spans_at(height: usize) -> usize {
    NEXTS + height * size_of::<Next>()
}

const fn member_at(height: usize) -> usize {
    spans_at(height) + height * size_of::<Span>()
}

impl NodePtr {
    /// A node that nothing points to yet: next pointers none, spans 0.
    pub(super) fn new(height: usize, score: f64, member: &[u8]) -> Self {
        assert!((1..=MAX_HEIGHT).contains(&height), "height out of range");
        let size = member_at(height).saturating_add(member.len());
        let raw = thin::must(thin::allocate(size), size);
        let ptr = raw.cast::<Header>();
        // SAFETY: the allocation has room for the header, `height` pointers and spans, and the member, each at
        // an offset that suits its alignment; nothing else points into it.
        unsafe {
            ptr.write(Header { score, back: None, shape: member.len() << 8 | height });
            thin::write_bytes(raw.add(member_at(height)), member);
        }
        let node = Self(ptr);
        for level in 0..height {
            node.set_next(level, None);
            node.set_span(level, 0);
        }
        node
    }

    /// Gives the allocation back.
    ///
    /// # Safety
    /// Neither this pointer, nor a copy, nor a borrow of the member is used again.
    pub(super) unsafe fn free(self) {
        let size = self.size();
        // SAFETY: this is the size the node was made with, and by the caller's promise the last use.
        unsafe { thin::free(self.0.cast(), size) };
    }

    #[inline]
    fn header(self) -> *mut Header {
        self.0.as_ptr()
    }

    #[inline]
    fn shape(self) -> usize {
        // SAFETY: the node is live.
        unsafe { (*self.header()).shape }
    }

    #[inline]
    pub(super) fn height(self) -> usize {
        self.shape() & 0xff
    }

    #[inline]
    fn member_len(self) -> usize {
        self.shape() >> 8
    }

    fn size(self) -> usize {
        member_at(self.height()) + self.member_len()
    }

    /// Bytes on the heap.
    pub(super) fn footprint(self) -> usize {
        thin::footprint(self.size())
    }

    #[inline]
    pub(in crate::encoding) fn score(self) -> f64 {
        // SAFETY: the node is live.
        unsafe { (*self.header()).score }
    }

    pub(super) fn set_score(self, score: f64) {
        // SAFETY: the node is live, and no reference to the header exists anywhere.
        unsafe { (*self.header()).score = score };
    }

    #[inline]
    pub(super) fn back(self) -> Option<Self> {
        // SAFETY: the node is live.
        unsafe { (*self.header()).back }
    }

    pub(super) fn set_back(self, back: Option<Self>) {
        // SAFETY: the node is live, and no reference to the header exists anywhere.
        unsafe { (*self.header()).back = back };
    }

    #[inline]
    pub(in crate::encoding) fn member(&self) -> &[u8] {
        // SAFETY: the node is live while it is used, and the member never changes.
        unsafe { self.member_unbound() }
    }

    /// # Safety
    /// The node outlives `'a`.
    #[inline]
    pub(super) unsafe fn member_unbound<'a>(self) -> &'a [u8] {
        let (start, len) = (member_at(self.height()), self.member_len());
        // SAFETY: the member's bytes start there and are never written again.
        unsafe { slice::from_raw_parts(self.header().cast::<u8>().add(start), len) }
    }

    #[inline]
    fn next_slot(self, level: usize) -> *mut Next {
        assert!(level < self.height(), "no such level");
        // SAFETY: the level exists, so its pointer is inside the allocation.
        unsafe { self.header().add(1).cast::<Next>().add(level) }
    }

    #[inline]
    fn span_slot(self, level: usize) -> *mut Span {
        let height = self.height();
        assert!(level < height, "no such level");
        // SAFETY: the level exists, so its span is inside the allocation.
        unsafe { self.header().add(1).cast::<Next>().add(height).cast::<Span>().add(level) }
    }

    #[inline]
    pub(super) fn next(self, level: usize) -> Next {
        // SAFETY: the slot is inside a live node.
        unsafe { self.next_slot(level).read() }
    }

    #[inline]
    pub(super) fn set_next(self, level: usize, next: Next) {
        // SAFETY: the slot is inside a live node, and no reference to it exists anywhere.
        unsafe { self.next_slot(level).write(next) };
    }

    #[inline]
    pub(super) fn span(self, level: usize) -> usize {
        // SAFETY: the slot is inside a live node.
        unsafe { self.span_slot(level).read() as usize }
    }

    #[inline]
    pub(super) fn set_span(self, level: usize, span: usize) {
        // SAFETY: the slot is inside a live node, and no reference to it exists anywhere.
        unsafe { self.span_slot(level).write(span as Span) };
    }
}
