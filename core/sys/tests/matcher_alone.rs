//! Once it is made, the matcher neither allocates nor calls the system.
//!
//! A child of this program makes matchers and random commands of every kind, seals its allocator,
//! has the kernel kill it at any system call but `exit`, and applies them all. Two more children
//! do what is forbidden, so that it is seen that the seals hold. It has no harness: that one has
//! threads, which allocate when they like.
#![allow(missing_docs, clippy::print_stdout)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeSet;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use touchline_matcher::OwnedMatcher;
use touchline_types::{Command, CommandKind, Event};

#[allow(dead_code)]
#[path = "../../matcher/tests/twin/flow.rs"]
mod flow;

/// Days, and commands of each.
const DAYS: u64 = 8;
const DAY_COMMANDS: usize = 12_500;

const HELD: i32 = 0;
const DIFFERED: i32 = 3;
const ALLOCATED: i32 = 4;

/// The allocator of the system, until it is sealed.
struct Sealable;

static IS_SEALED: AtomicBool = AtomicBool::new(false);

impl Sealable {
    /// Ends the process where memory is asked for, or given back, behind the seal.
    fn check(&self) {
        if IS_SEALED.load(Ordering::Relaxed) {
            exit(ALLOCATED);
        }
    }
}

// SAFETY: it is the system's allocator, which keeps the promises of the trait.
unsafe impl GlobalAlloc for Sealable {
    /// # Safety
    ///
    /// As the trait says.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.check();
        // SAFETY: the caller promises what `System` asks for.
        unsafe { System.alloc(layout) }
    }

    /// # Safety
    ///
    /// As the trait says.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.check();
        // SAFETY: the caller promises what `System` asks for.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Sealable = Sealable;

/// Ends the only thread of the process, by the one system call that is left.
fn exit(status: i32) -> ! {
    loop {
        // SAFETY: it takes a number, and does not return.
        unsafe { libc::syscall(libc::SYS_exit, status) };
    }
}

/// From here on any system call but `exit` ends the process with SIGSYS.
fn forbid_system_calls() {
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let ret = libc::BPF_RET | libc::BPF_K;
    let mut steps = [
        // The number of the call: the first word of seccomp_data (linux/seccomp.h).
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_exit as u32),
        step(ret, 0, 0, libc::SECCOMP_RET_ALLOW),
        step(ret, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: numbers alone; and a pointer to steps that live until the call has copied them.
    let set = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) == 0
    };
    assert!(set, "no filter of system calls: {}", std::io::Error::last_os_error());
}

fn seal() {
    forbid_system_calls();
    IS_SEALED.store(true, Ordering::Relaxed);
}

/// A day: a new matcher, its commands, and how it ends.
struct Day {
    matcher: OwnedMatcher,
    commands: Vec<Command>,
    state_hash: u64,
}

fn day(seed: u64) -> Day {
    let mut flow = flow::Flow::new(seed);
    let (limits, capacity) = (flow.day().limits.clone(), flow.day().capacity);
    let make = || OwnedMatcher::allocate(&limits, &capacity).expect("the limits are valid");
    let mut first = make();
    let commands = (0..DAY_COMMANDS).map(|_| {
        let command = flow.next();
        first.apply(&command, &mut |event: &Event| flow.see(event));
        command
    });
    let commands = commands.collect();
    Day { matcher: make(), commands, state_hash: first.state_hash() }
}

/// What a child does; its status says how that ended.
fn child(task: &str) -> ! {
    if task == "match" {
        let mut days: Vec<_> = (1..=DAYS).map(day).collect();
        let commands = days.iter().flat_map(|day| &day.commands);
        let kinds: BTreeSet<_> = commands.clone().map(|command| command.kind.name()).collect();
        assert_eq!(kinds.len(), CommandKind::ALL.len(), "every kind of command: {kinds:?}");
        println!("{} commands of {} kinds", commands.count(), kinds.len());
        seal();
        for Day { matcher, commands, state_hash } in &mut days {
            let mut events = 0_u64;
            for command in commands.iter() {
                matcher.apply(command, &mut |event: &Event| events += u64::from(event.seq > 0));
            }
            if matcher.state_hash() != *state_hash || events < commands.len() as u64 {
                exit(DIFFERED);
            }
        }
        exit(HELD)
    }
    seal();
    match task {
        "allocate" => drop(black_box(vec![0_u8; black_box(64)])),
        // SAFETY: it takes nothing.
        _ => drop(black_box(unsafe { libc::getppid() })),
    }
    exit(HELD)
}

fn run(task: &str) -> (ExitStatus, String) {
    let program = std::env::current_exe().expect("a program has a path");
    let mut command = std::process::Command::new(program);
    let Output { status, stdout, stderr } =
        command.args(["--child", task]).output().expect("a child can be started");
    let said = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
    (status, said.trim().to_owned())
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, flag, task] = &arguments[..]
        && flag == "--child"
    {
        child(task);
    }
    let (status, said) = run("allocate");
    assert_eq!(status.code(), Some(ALLOCATED), "the seal of the allocator holds: {said}");
    let (status, said) = run("call");
    assert_eq!(status.signal(), Some(libc::SIGSYS), "the filter holds: {status}, {said}");
    let (status, said) = run("match");
    assert_eq!(status.code(), Some(HELD), "{status} (4: it allocated), {said}");
    println!("{said}: nothing allocated, no system call");
}
