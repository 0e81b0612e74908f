//! Looking at files that nobody vouches for: are they sound, and what would a repair drop?
//!
//! The doorway calls it, file by file and step by step; which files there are is its caller's to know. [`Walk`] reads one
//! file with the same loader that opens it, so that it cannot find sound what opening refuses, and goes on behind damage.
//! [`mend`] writes what [`Walk`] found to be left, [`Rescue`] the same of a snapshot. Nothing but these two touches a file, and no byte is trusted.

mod damage;
pub mod mend;
pub mod rebuild;
mod rescue;
mod scratch;
mod span;
mod survey;
mod walk;

pub use rescue::Rescue;
pub use scratch::{Limits, Scratch};
pub use span::Hole;
pub use survey::{Big, Group, Survey};
pub use walk::{Finding, Walk};
