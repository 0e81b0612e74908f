//! Making a log short: the keyspace written down as commands, into a file that takes the log's place.
//!
//! The engine decides when. `pump`, `switch` and `temp` are the parent's. What runs in a forked child (`child`,
//! `hearing`, `settle`, `snapshot`, `output` over a bare descriptor) allocates nothing, takes no lock and reports
//! through pipes and shared memory only.

mod child;
mod copied;
pub mod dump;
mod fork;
mod form;
mod hearing;
pub mod output;
pub mod pipes;
mod plan;
mod process;
mod pump;
mod report;
mod settle;
pub mod snapshot;
mod switch;
mod temp;

pub use dump::{Dumped, dump};
pub use fork::{DEFECT, Peer, Task, fork, in_child, install_panic_hook};
pub use form::{Form, Role};
pub use output::{FileOutput, Target};
pub use pipes::{ChildEnds, ParentEnds};
pub use plan::{Plan, SharedPage};
pub use process::{Child, Reaped};
pub use pump::{Failure, Watch, no_memory, pump, wait};
pub use report::{Report, Step};
pub use snapshot::{Head, Output, keys, write};
pub use switch::{Placed, Switch};
pub use temp::{Temp, sweep};
