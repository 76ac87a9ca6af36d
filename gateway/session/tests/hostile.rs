//! A member that sends anything: well framed messages with random fields, and damaged ones.
//! The session must not panic, must not answer without bound and must never move its expected
//! number backwards except by a reset.

mod harness;

use harness::{Bench, encode};
use touchline_session::Numbers;

/// SplitMix64, seeded.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const TYPES: &[&str] = &["0", "1", "2", "3", "4", "5", "A", "D", "8", "AE", "??"];
const FIELDS: &[&str] = &[
    "43=Y|122=20260105-09:29:59|",
    "43=Y|",
    "43=Q|",
    "97=Y|",
    "52=20260105-09:30:00|",
    "52=x|",
    "115=A|",
    "129=B|",
    "123=Y|",
    "123=N|",
    "36=1|",
    "36=9|",
    "36=18446744073709551615|",
    "7=1|",
    "7=0|",
    "7=99|",
    "16=0|",
    "16=3|",
    "16=18446744073709551615|",
    "112=x|",
    "141=Y|",
    "98=0|",
    "108=30|",
    "108=0|",
    "108=-1|",
    "58=|",
    "0=x|",
    "11=a|",
    "45=1|",
    "49=M1|",
    "56=M1|",
    "95=4|96=a=b|",
    "95=99999|96=x|",
];

fn random_message(random: &mut Random, expected: u64) -> String {
    let number = match random.below(8) {
        0 => expected.saturating_add(random.below(5) as u64),
        1 => expected.saturating_sub(random.below(3) as u64),
        2 => u64::MAX - random.below(2) as u64,
        _ => expected,
    };
    let mut text = format!("35={}|34={number}|", random.of(TYPES));
    for _ in 0..random.below(6) {
        text.push_str(random.of(FIELDS));
    }
    text
}

#[test]
fn nothing_that_a_member_sends_can_break_a_session() {
    let seed = 44;
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    let mut bench = Bench::logged_on();
    let mut logons = 0;
    for step in 0..60_000u64 {
        if !bench.session.is_connected() {
            if bench.expected() > u64::MAX / 2 {
                bench = Bench::acceptor(Numbers::default());
            } else {
                bench.connect();
            }
            let number = bench.expected();
            bench.receive(&format!("35=A|34={number}|98=0|108=30|"));
            logons += u64::from(bench.session.is_logged_on());
            bench.take();
        }
        let before = bench.expected();
        let text = random_message(&mut random, before);
        let mut bytes = encode(&text, bench.now);
        if random.below(20) == 0 {
            let at = random.below(bytes.len());
            bytes[at] = random.below(256) as u8;
        }
        bench.receive_bytes(&bytes);
        if step % 7 == 0 {
            bench.send_app("live");
        }
        if random.below(50) == 0 {
            bench.wait(31 * harness::SECOND);
            bench.now = harness::START;
        }
        let mut work = bench.replay(8);
        while work == 8 && random.below(4) != 0 {
            work = bench.replay(8);
        }
        let log = bench.take();
        assert!(log.len() < 5_000, "{text} was answered with {} lines", log.len());
        let was_reset = bench.expected() == 2 && text.contains("141=Y");
        assert!(bench.expected() >= before || was_reset, "{text}");
    }
    assert!(logons > 100, "{logons}");
}
