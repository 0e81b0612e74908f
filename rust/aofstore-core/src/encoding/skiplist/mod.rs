//! Members ordered by (score, bytes), with ranks: the order half of a big sorted set.
//!
//! Only `super::sorted_members` and tests build one; readers get [`Spot`]s. INVARIANT: scores are never NaN,
//! -0.0 and 0.0 are the same score, no (score, member) is there twice, and at each level the span of a node is
//! the number of members from it to its next (or to the end).

mod bound;
mod list;
mod node;
mod range;
mod spot;
#[cfg(test)]
mod tests;

pub use bound::{LexBound, ScoreBound};
pub use list::Skiplist;
pub(super) use node::NodePtr;
pub use spot::{Ascending, Descending, Spot};
