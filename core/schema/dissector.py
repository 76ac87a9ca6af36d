"""Writes the Wireshark dissector of the public feed, in Lua, from the schema of the feed.

One protocol field for each field of each message, `touchline.order_execute.last_px`, so that a
filter or `tshark -e` names exactly one of them. What the schema does not know (a newer template, a
longer block) is shown as bytes; what does not fit is an expert item, never a Lua error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generate import Block, Field, Kind, Schema

# SBE primitive: (constructor of ProtoField, how the bytes become a number)
_FIELDS = {
    "uint8": ("uint8", "le_uint"),
    "int8": ("int8", "le_int"),
    "uint16": ("uint16", "le_uint"),
    "uint32": ("uint32", "le_uint"),
    "uint64": ("uint64", "le_uint64"),
    "int64": ("int64", "le_int64"),
}
_MESSAGE_HEADER = ("block_length", "template_id", "schema_id", "version")
_HEADER = "PacketHeader"


def dissector(schema: Schema, note: str) -> str:
    """The text of the dissector.

    Parameters
    ----------
    schema : Schema
        Schema of the feed.
    note : str
        First line: where it comes from.

    Returns
    -------
    str
        A Lua script for Wireshark 3 and later.
    """
    header = next(block for block in schema.blocks if block.name == _HEADER)
    messages = [block for block in schema.blocks if block.template_id is not None]
    out = [f"-- {note}", _HEAD]
    out += [f"local SCHEMA_ID = {schema.id}", f"local HEADER_BYTES = {header.length}"]
    offsets = {part.name: part.offset for part in header.fields}
    out += [
        f"local {name.upper()}_AT = {offsets[name]}"
        for name in ("sequence", "channel", "count", "flags", "version", "reserved")
    ]
    known = sum(1 << bit for _, bit, _ in schema.kinds["PacketFlags"].values)
    out += [f"local FLAGS_KNOWN = {known:#04x}", ""]
    for kind in schema.kinds.values():
        if kind.form == "enum":
            out += [
                f"local {_snake(kind.name)}_names = {{",
                *(f"    [{number}] = {_text(name)}," for name, number, _ in kind.values),
                "}",
            ]
    out += [
        "",
        "-- Bits of the packet's kind, lowest first.",
        "local kind_names = {",
        *(f"    {_text(name)}," for name, _, _ in schema.kinds["PacketFlags"].values),
        "}",
        "",
    ]
    out += ["local message_header = {"]
    out += [
        f'    ProtoField.uint16("touchline.message.{name}", "{name}"),' for name in _MESSAGE_HEADER
    ]
    out += ["}", ""]
    out += _block(schema, header, "packet_header", "packet")
    out += ["", "-- Messages by SBE template id.", "local messages = {}"]
    for message in messages:
        out += _block(schema, message, f"messages[{message.template_id}]", _snake(message.name))
    return "\n".join([*out, _TAIL])


def _block(schema: Schema, block: Block, target: str, abbreviation: str) -> list[str]:
    """A table of a block: its name, its length and its fields."""
    local = "" if "[" in target else "local "
    out = [
        f"{local}{target} = {{",
        f"    name = {_text(block.name)},",
        f"    length = {block.length},",
        "    fields = {",
    ]
    for part in block.fields:
        out += _field(schema, part, f"touchline.{abbreviation}.{part.name}")
    return [*out, "    },", "}"]


def _field(schema: Schema, part: Field, name: str) -> list[str]:
    kind = _kind(schema, part)
    place = f"at = {part.offset}, bytes = {kind.bytes}"
    labels = f"{_text(name)}, {_text(part.name)}"
    about = _text(part.description)
    if kind.length > 1:
        made, base = (
            ("string", "base.ASCII") if kind.primitive == "char" else ("bytes", "base.NONE")
        )
        return [
            f"        {{ {place},",
            f"          field = ProtoField.{made}({labels}, {base},",
            f"              {about}) }},",
        ]
    constructor, read = _FIELDS[kind.primitive]
    names = f"{_snake(kind.name)}_names" if kind.form == "enum" else "nil"
    base = "base.HEX" if kind.form == "set" else "base.DEC"
    out = [
        f'        {{ {place}, read = "{read}",',
        f"          field = ProtoField.{constructor}({labels}, {base}, {names}, nil,",
        f"              {about})",
    ]
    if kind.form != "set":
        return [*out[:-1], f"{out[-1]} }},"]
    out[-1] += ","
    out.append("          bits = {")
    for choice, bit, description in kind.values:
        labels = f"{_text(f'{name}.{_snake(choice)}')}, {_text(choice)}"
        out += [
            f"              ProtoField.bool({labels}, 8, nil, {1 << bit:#04x},",
            f"                  {_text(description)}),",
        ]
    return [*out, "          } },"]


def _kind(schema: Schema, part: Field) -> Kind:
    """A field's type; that of the packet's flags stands in their description."""
    named = re.match(r"Bits of set (\w+)", part.description)
    return schema.kinds[named.group(1)] if named else part.kind


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _text(text: str) -> str:
    """A Lua string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_HEAD = """\
--
-- Wireshark dissector of Touchline's public feed; docs/feed.md says how to use it:
--
--     tshark -X lua_script:touchline.lua -r capture.pcap -Y touchline.order_execute
--
-- UDP packets of the feed are found by their form (heuristic), on any port; or name the ports in
-- the preference touchline.ports. It only shows: it neither arbitrates lines nor keeps books.

local touchline = Proto("touchline", "Touchline Feed")
"""

_TAIL = """
local size_field = ProtoField.uint16("touchline.message.size", "size", base.DEC, nil, nil,
    "Bytes of the message that follow its size")
local extension_field = ProtoField.bytes("touchline.message.extension", "extension", base.NONE,
    "What a newer schema has added")
local unknown_field = ProtoField.bytes("touchline.message.unknown", "unknown", base.NONE,
    "Block of a template that this dissector does not know")
-- Present in each message of a template, to filter by: touchline.order_execute
local all_fields = { size_field, extension_field, unknown_field }

local malformed = ProtoExpert.new("touchline.malformed", "Malformed", expert.group.MALFORMED,
    expert.severity.ERROR)
touchline.experts = { malformed }

local function collect(block)
    for _, part in ipairs(block.fields) do
        all_fields[#all_fields + 1] = part.field
        for _, bit in ipairs(part.bits or {}) do
            all_fields[#all_fields + 1] = bit
        end
    end
end

for _, field in ipairs(message_header) do
    all_fields[#all_fields + 1] = field
end
collect(packet_header)
for _, block in pairs(messages) do
    block.field = ProtoField.none("touchline." .. block.name:gsub("(%l)(%u)", "%1_%2"):lower(),
        block.name)
    all_fields[#all_fields + 1] = block.field
    collect(block)
end
touchline.fields = all_fields

touchline.prefs.ports = Pref.range("UDP ports", "",
    "Ports of the feed; packets on other ports are found by their form", 65535)

-- Adds the fields of a block that lies whole in `range`.
local function add_block(tree, range, block)
    for _, part in ipairs(block.fields) do
        local bytes = range(part.at, part.bytes)
        local item
        if part.read then
            item = tree:add(part.field, bytes, bytes[part.read](bytes))
        else
            item = tree:add(part.field, bytes)
        end
        for _, bit in ipairs(part.bits or {}) do
            item:add(bit, bytes)
        end
    end
end

-- Adds the message whose size stands at `offset`; gives its name and where the next one starts, or
-- nothing if it does not fit in the packet.
local function add_message(tree, buffer, offset)
    local left = buffer:len() - offset
    local size = left >= 2 and buffer(offset, 2):le_uint() or 0
    if size < 8 or size + 2 > left then
        tree:add_proto_expert_info(malformed, "a message of " .. size .. " bytes at byte " ..
            offset .. " does not fit: the packet has " .. left)
        return nil
    end
    local header = buffer(offset + 2, 8)
    local block_length, template_id = header(0, 2):le_uint(), header(2, 2):le_uint()
    local block = header(4, 2):le_uint() == SCHEMA_ID and messages[template_id] or nil
    local range = buffer(offset, size + 2)
    local name = block and block.name or ("template " .. template_id)
    local item
    if block then
        item = tree:add(block.field, range)
    else
        item = tree:add(touchline, range, "Unknown message, " .. name)
    end
    item:add_le(size_field, buffer(offset, 2))
    for index, field in ipairs(message_header) do
        item:add_le(field, header((index - 1) * 2, 2))
    end
    local next_offset = offset + 2 + size
    if block_length > size - 8 or (block and block_length < block.length) then
        item:add_proto_expert_info(malformed, name .. " with a block of " .. block_length ..
            " bytes in " .. (size - 8))
    elseif not block then
        if block_length > 0 then
            item:add(unknown_field, buffer(offset + 10, block_length))
        end
    else
        add_block(item, buffer(offset + 10, block_length), block)
        if block_length > block.length then
            item:add(extension_field,
                buffer(offset + 10 + block.length, block_length - block.length))
        end
    end
    return name, next_offset
end

-- The names of the set bits of the packet's flags.
local function kind_of(flags)
    local names = {}
    for index, name in ipairs(kind_names) do
        if math.floor(flags / 2 ^ (index - 1)) % 2 == 1 then
            names[#names + 1] = name
        end
    end
    return table.concat(names, "+")
end

function touchline.dissector(buffer, pinfo, root)
    if buffer:len() < HEADER_BYTES then
        return 0
    end
    pinfo.cols.protocol = "Touchline"
    local tree = root:add(touchline, buffer())
    add_block(tree:add(buffer(0, HEADER_BYTES), "PacketHeader"), buffer(0, HEADER_BYTES),
        packet_header)
    local count = buffer(COUNT_AT, 2):le_uint()
    local offset, names = HEADER_BYTES, {}
    for _ = 1, count do
        local name, next_offset = add_message(tree, buffer, offset)
        if not name then
            break
        end
        names[#names + 1], offset = name, next_offset
    end
    if #names == count and offset < buffer:len() then
        tree:add_proto_expert_info(malformed, (buffer:len() - offset) ..
            " bytes behind the last message")
    end
    pinfo.cols.info = kind_of(buffer(FLAGS_AT, 1):uint()) .. " channel " ..
        buffer(CHANNEL_AT, 2):le_uint() .. " sequence " ..
        tostring(buffer(SEQUENCE_AT, 8):le_uint64()) .. ": " ..
        (count == 0 and "heartbeat" or table.concat(names, ", "))
    return buffer:len()
end

-- True if a packet has the form of the feed: header, flags, and messages that end where it ends.
local function has_the_form(buffer)
    if buffer:len() < HEADER_BYTES or buffer(VERSION_AT, 1):uint() ~= 1
        or buffer(RESERVED_AT, 2):le_uint() ~= 0 then
        return false
    end
    local flags = buffer(FLAGS_AT, 1):uint()
    if flags == 0 or flags > FLAGS_KNOWN then
        return false
    end
    local offset = HEADER_BYTES
    for _ = 1, buffer(COUNT_AT, 2):le_uint() do
        if buffer:len() - offset < 10 or buffer(offset + 6, 2):le_uint() ~= SCHEMA_ID then
            return false
        end
        offset = offset + 2 + buffer(offset, 2):le_uint()
    end
    return offset == buffer:len()
end

touchline:register_heuristic("udp", function(buffer, pinfo, root)
    if not has_the_form(buffer) then
        return false
    end
    touchline.dissector(buffer, pinfo, root)
    return true
end)

local udp_ports = DissectorTable.get("udp.port")
udp_ports:add_for_decode_as(touchline)
local ports_now = ""

function touchline.prefs_changed()
    if ports_now ~= touchline.prefs.ports then
        if ports_now ~= "" then
            udp_ports:remove(ports_now, touchline)
        end
        ports_now = touchline.prefs.ports
        if ports_now ~= "" then
            udp_ports:add(ports_now, touchline)
        end
    end
end
"""
