//! Whether a reply is one: aggregates hold as many items as they say, texts lie inside the bytes.

use aofstore_core::command::{Node, Reply};

/// Reads one reply at `nodes`, which it moves behind it.
pub fn take(reply: &Reply, nodes: &mut std::slice::Iter<'_, Node>) -> Shown {
    let node = *nodes.next().expect("an aggregate holds fewer items than it says");
    let text = |start, len| {
        let bytes = reply.slice(start, len);
        assert_eq!(bytes.len(), len, "a text of the reply lies outside its bytes");
        bytes.to_vec()
    };
    let mut items = |count: usize| (0..count).map(|_| take(reply, nodes)).collect::<Vec<_>>();
    match node {
        Node::Nil => Shown::Nil,
        Node::Int(value) => Shown::Int(value),
        Node::Double(value) => {
            assert!(!value.is_nan(), "a reply is not a number");
            Shown::Bytes(value.to_string().into_bytes())
        }
        Node::Status(text) => Shown::Bytes(text.into()),
        Node::Bulk(start, len) | Node::Binary(start, len) => Shown::Bytes(text(start, len)),
        Node::Error(start, len) => {
            Shown::Error(String::from_utf8(text(start, len)).expect("an error is text"))
        }
        Node::Array(len) | Node::Set(len) => Shown::Items(items(len)),
        Node::Map(len) => Shown::Items(items(len * 2)),
    }
}

/// The only reply in `reply`.
pub fn only(reply: &Reply) -> Shown {
    let mut nodes = reply.nodes().iter();
    let shown = take(reply, &mut nodes);
    assert!(nodes.next().is_none(), "more nodes than one reply");
    shown
}

/// `count` replies one behind the other.
pub fn several(reply: &Reply, count: usize) -> Vec<Shown> {
    let mut nodes = reply.nodes().iter();
    let shown = (0..count).map(|_| take(reply, &mut nodes)).collect();
    assert!(nodes.next().is_none(), "more nodes than {count} replies");
    shown
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    Nil,
    Int(i64),
    Bytes(Vec<u8>),
    Error(String),
    Items(Vec<Shown>),
}

impl Shown {
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(value) => *value,
            other => panic!("expected a number: {other:?}"),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            other => panic!("expected bytes: {other:?}"),
        }
    }

    pub fn items(&self) -> &[Self] {
        match self {
            Self::Items(items) => items,
            other => panic!("expected items: {other:?}"),
        }
    }

    fn sorted(self, step: usize) -> Self {
        let Self::Items(items) = self else { return self };
        let mut groups: Vec<_> = items.chunks(step).map(|group| Self::Items(group.to_vec())).collect();
        groups.sort();
        Self::Items(groups)
    }

    /// The items in an order of their own, `step` of them held together.
    #[must_use]
    pub fn unordered(self, step: usize) -> Self {
        self.sorted(step)
    }
}
