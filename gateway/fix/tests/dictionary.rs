//! What the parser knows of FIX 4.4 as a whole. The table is compared with the Orchestra file, as
//! are the tags, by `tests/fix/test_dictionary.py`.

use touchline_fix::msg_type;

/// `MsgType(35)` of every message of FIX 4.4.
const MSG_TYPES: &str = "\
    0 1 2 3 4 5 6 7 8 9 A B C D E F G H J K L M N P Q R S T V W X Y Z \
    a b c d e f g h i j k l m n o p q r s t u v w x y z \
    AA AB AC AD AE AF AG AH AI AJ AK AL AM AN AO AP AQ AR AS AT AU AV AW AX AY AZ \
    BA BB BC BD BE BF BG BH";

#[test]
fn a_message_type_is_defined_if_fix_lists_it() {
    let listed = |text: &[u8]| MSG_TYPES.split(' ').any(|msg_type| msg_type.as_bytes() == text);
    let mut count = 0;
    for first in 0..=255 {
        assert_eq!(msg_type::is_defined(&[first]), listed(&[first]), "{first}");
        count += usize::from(msg_type::is_defined(&[first]));
        for second in 0..=255 {
            let text = [first, second];
            assert_eq!(msg_type::is_defined(&text), listed(&text), "{text:?}");
            count += usize::from(msg_type::is_defined(&text));
        }
    }
    assert_eq!(count, 93);
    assert!(!msg_type::is_defined(b"") && !msg_type::is_defined(b"AAA"));
}
