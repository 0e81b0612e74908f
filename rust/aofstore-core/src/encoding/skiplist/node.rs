//! One node in one allocation: header, next pointers, spans, member bytes.
//!
//! Only this directory may call it. A [`NodePtr`] is a plain copyable pointer; all its functions are sound until
//! someone calls [`NodePtr::free`], whose caller promises that no copy is used again.
//! INVARIANT: the height and the member never change; levels at or above the height do not exist.
#![expect(unsafe_code, reason = "nodes of variable size that point at each other")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::slice;

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
pub(in super::super) struct NodePtr(NonNull<Header>);

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

fn layout(height: usize, len: usize) -> Layout {
    let size = len.saturating_add(member_at(height));
    let Ok(layout) = Layout::from_size_align(size, align_of::<Header>()) else { too_long() };
    layout
}

#[cold]
fn too_long() -> ! {
    #![expect(clippy::panic, reason = "a length past the address space has no other answer")]
    panic!("member past the address space")
}

impl NodePtr {
    /// A node that nothing points to yet: next pointers none, spans 0.
    pub(super) fn new(height: usize, score: f64, member: &[u8]) -> Self {
        assert!((1..=MAX_HEIGHT).contains(&height), "height out of range");
        let layout = layout(height, member.len());
        // SAFETY: the layout has the header at least.
        let raw = unsafe { alloc(layout) };
        let Some(ptr) = NonNull::new(raw.cast::<Header>()) else { handle_alloc_error(layout) };
        // SAFETY: the allocation has room for the header, `height` pointers and spans, and the member, each at
        // an offset that suits its alignment; nothing else points into it.
        unsafe {
            ptr.write(Header { score, back: None, shape: member.len() << 8 | height });
            raw.add(member_at(height)).copy_from_nonoverlapping(member.as_ptr(), member.len());
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
        let layout = layout(self.height(), self.member_len());
        // SAFETY: this is the layout the node was made with, and by the caller's promise the last use.
        unsafe { dealloc(self.0.as_ptr().cast(), layout) };
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

    /// Bytes allocated.
    pub(super) fn footprint(self) -> usize {
        member_at(self.height()) + self.member_len()
    }

    #[inline]
    pub(super) fn score(self) -> f64 {
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
    pub(in super::super) fn member(&self) -> &[u8] {
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
        unsafe { self.header().cast::<u8>().add(NEXTS).cast::<Next>().add(level) }
    }

    #[inline]
    fn span_slot(self, level: usize) -> *mut Span {
        let height = self.height();
        assert!(level < height, "no such level");
        // SAFETY: the level exists, so its span is inside the allocation.
        unsafe { self.header().cast::<u8>().add(spans_at(height)).cast::<Span>().add(level) }
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
