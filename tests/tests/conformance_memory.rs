//! The store in memory keeps every promise of the conformance suite.

use cla_semaphore::Semaphores;
use cla_semaphore::conformance::Fresh;

cla_semaphore::conformance_tests!(|| Fresh::clones(Semaphores::memory()));
