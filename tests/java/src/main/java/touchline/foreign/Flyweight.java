package touchline.foreign;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import touchline.feed.MessageHeaderDecoder;

/**
 * One generated encoder or decoder, reached by the names of the schema: so that a new message or
 * field is compared without a line of code here.
 */
final class Flyweight {
    private static final String PACKAGE = MessageHeaderDecoder.class.getPackageName() + ".";

    private final Object codec;

    private Flyweight(final Object codec) {
        this.codec = codec;
    }

    static Flyweight encoder(final String name, final MutableDirectBuffer buffer, final int offset) {
        return new Flyweight(
                call(make(name + "Encoder"), "wrap", new Class<?>[] {
                    MutableDirectBuffer.class, int.class}, buffer, offset));
    }

    static Flyweight decoder(final String name, final DirectBuffer buffer, final int offset) {
        final Object made = make(name + "Decoder");
        final boolean isMessage =
                Arrays.stream(made.getClass().getFields())
                        .anyMatch(field -> field.getName().equals("BLOCK_LENGTH"));
        if (!isMessage) {
            return new Flyweight(
                    call(made, "wrap", new Class<?>[] {DirectBuffer.class, int.class},
                            buffer, offset));
        }
        return new Flyweight(
                call(made, "wrap",
                        new Class<?>[] {DirectBuffer.class, int.class, int.class, int.class},
                        buffer, offset, constant(name, "BLOCK_LENGTH"),
                        constant(name, "SCHEMA_VERSION")));
    }

    /** A number of the schema, such as {@code TEMPLATE_ID}. */
    static int constant(final String name, final String constant) {
        try {
            return Class.forName(PACKAGE + name + "Encoder").getField(constant).getInt(null);
        } catch (final ReflectiveOperationException missing) {
            throw new IllegalArgumentException(name + " has no " + constant, missing);
        }
    }

    int blockLength() {
        return (int) call(codec, "encodedLength", new Class<?>[0]);
    }

    /** Writes a field. */
    void put(final String field, final String text) {
        if (text.startsWith("[")) {
            final String[] elements = elements(text);
            final Method setter = setter(field, 2);
            final int length = (int) call(codec, field + "Length", new Class<?>[0]);
            if (length != elements.length) {
                throw new IllegalArgumentException(field + " has " + length + " elements");
            }
            for (int index = 0; index < length; index++) {
                invoke(setter, codec, index, value(setter.getParameterTypes()[1], elements[index]));
            }
        } else if (text.startsWith("{")) {
            final Object set = call(codec, field, new Class<?>[0]);
            call(set, "clear", new Class<?>[0]);
            for (final String choice : elements(text)) {
                final String name = choice.substring(0, 1).toLowerCase() + choice.substring(1);
                call(set, name, new Class<?>[] {boolean.class}, true);
            }
        } else {
            final Method setter = setter(field, 1);
            invoke(setter, codec, value(setter.getParameterTypes()[0], text));
        }
    }

    /** Reads a field; {@code like} is a text of the same type. */
    String get(final String field, final String like) {
        if (like.startsWith("[")) {
            final var read = new ArrayList<String>();
            final int length = (int) call(codec, field + "Length", new Class<?>[0]);
            for (int index = 0; index < length; index++) {
                read.add(call(codec, field, new Class<?>[] {int.class}, index).toString());
            }
            return read.toString();
        }
        final Object value = call(codec, field, new Class<?>[0]);
        if (like.startsWith("{")) {
            final var read = new ArrayList<String>();
            for (final String choice : elements(value.toString())) {
                read.add(choice.substring(0, 1).toUpperCase() + choice.substring(1));
            }
            return "{" + String.join(", ", read) + "}";
        }
        if (value instanceof Long number && isUnsigned(field)) {
            return Long.toUnsignedString(number);
        }
        return value.toString();
    }

    /** True of uint64, for which Java has no type: its null value has every bit set. */
    private boolean isUnsigned(final String field) {
        return call(codec, field + "NullValue", new Class<?>[0]).equals(-1L);
    }

    private Method setter(final String field, final int parameters) {
        return Arrays.stream(codec.getClass().getMethods())
                .filter(method -> method.getName().equals(field))
                .filter(method -> method.getParameterCount() == parameters)
                .filter(method -> parameters == 2 || method.getReturnType() == codec.getClass())
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no field " + field));
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object value(final Class<?> type, final String text) {
        if (type.isEnum()) {
            return Enum.valueOf((Class<Enum>) type, text);
        }
        final long number =
                text.startsWith("-") ? Long.parseLong(text) : Long.parseUnsignedLong(text);
        if (type == long.class) {
            return number;
        } else if (type == int.class) {
            return Math.toIntExact(number);
        } else if (type == short.class) {
            return (short) number;
        } else if (type == byte.class) {
            return (byte) number;
        }
        throw new IllegalArgumentException(text + " for a " + type);
    }

    private static String[] elements(final String text) {
        final String inner = text.substring(1, text.length() - 1);
        return inner.isEmpty() ? new String[0] : inner.split(", ?");
    }

    private static Object make(final String name) {
        try {
            return Class.forName(PACKAGE + name).getConstructor().newInstance();
        } catch (final ReflectiveOperationException missing) {
            throw new IllegalArgumentException("sbe-tool has made no " + name, missing);
        }
    }

    private static Object call(
            final Object on, final String name, final Class<?>[] types, final Object... values) {
        try {
            return invoke(on.getClass().getMethod(name, types), on, values);
        } catch (final NoSuchMethodException missing) {
            throw new IllegalArgumentException(on.getClass() + " has no " + name, missing);
        }
    }

    private static Object invoke(final Method method, final Object on, final Object... values) {
        try {
            return method.invoke(on, values);
        } catch (final IllegalAccessException | InvocationTargetException failure) {
            throw new IllegalArgumentException(method + ": " + failure.getCause(), failure);
        }
    }
}
