//! Redis's quicklist: a long list as a row of listpacks, each short enough to be edited by moving bytes.
//!
//! The big encoding of lists. A value too large for a listpack of the configured size stands alone in a plain
//! node. INVARIANT: no node is empty, every node knows its count, and a packed node of several entries outgrows
//! the fill setting only if it came from a file or was made under another setting.

mod edit;
mod ends;
mod fill;
mod iter;
mod list;
mod node;
#[cfg(test)]
mod tests;

pub use fill::Fill;
pub use iter::{Iter, IterBack};
pub use list::{Quicklist, Side};
pub use node::View;
