/** The stories of the admin corpus about log outputs and filters. */
import * as admin from "./admin_frames.ts";
import { type AdminStory, story } from "./admin_story.ts";
import { u32, xdrString } from "./client_frames.ts";

const NOT_UTF8 = Uint8Array.of(0x31, 0x3a, 0xff, 0xfe);

const outputs = story("log-outputs", (s) => {
  const a = s.admin("a");
  const get = (title: string): unknown =>
    a.asks(`GET_LOGGING_OUTPUTS ${title}`, admin.getOutputs());
  const set = (setting: string | Uint8Array | undefined, flags = 0): void => {
    const shown = typeof setting === "string"
      ? JSON.stringify(setting)
      : setting
      ? "bytes"
      : "absent";
    a.asks(`SET_LOGGING_OUTPUTS ${shown}`, admin.setOutputs(setting, flags));
  };
  get("at first");
  a.asks("GET_LOGGING_OUTPUTS with a flag", admin.getOutputs(1));
  set("4:stderr");
  get("of one");
  set("4:stderr 4:file:/run/a.log  3:syslog:me 4:journald");
  get("of four");
  set("4:file:/run/a.log 4:file:/run/b.log 3:file:/run/a.log 4:stderr 3:stderr");
  get("without repetitions");
  set("4:file:/run/../run/./c.log");
  get("of a path that is not canonical");
  const refused = [
    "stderr",
    "9:stderr",
    "0:stderr",
    "-1:stderr",
    "x:stderr",
    ":stderr",
    "1x:stderr",
    "0x1:stderr",
    "4294967297:stderr",
    "1:foo",
    "1:",
    "1:STDERR",
    "1:stderr:x",
    "1:stderr:",
    "1:journald:x",
    "1:syslog",
    "1:file",
    "1:file:/run/a:b",
    "4:stderr 1:foo",
    "4:stderr\n1:foo",
    "%s:%n",
    "4:file:/run/nowhere/a.log",
    "4:file:/run",
    "4:file:/run/d.log 4:file:/run/nowhere/a.log",
  ];
  for (const setting of refused) set(setting);
  set(NOT_UTF8);
  set("1:foo", 1);
  get("after what was refused");
  for (const setting of ["01:stderr", "+3:stderr", "3:syslog:"]) {
    set(setting);
    get(`after ${JSON.stringify(setting)}`);
  }
  set("");
  get("after the empty setting");
  set("4:stderr\0rest");
  get("after a setting with a NUL");
  set(undefined);
  get("after no setting");
  a.asks(
    "SET_LOGGING_OUTPUTS, present as 2",
    admin.call(16, u32(2), xdrString("4:stderr"), u32(0)),
  );
  get("after it");
});

const paths = story("log-output-paths", (s) => {
  const a = s.admin("a");
  for (const setting of ["4:file:relative.log", "4:file:../up.log", "4:file:///run//x.log"]) {
    a.asks(`SET_LOGGING_OUTPUTS "${setting}"`, admin.setOutputs(setting));
    a.asks("GET_LOGGING_OUTPUTS after it", admin.getOutputs());
  }
  a.asks("SET_LOGGING_OUTPUTS of an empty path", admin.setOutputs("4:file:"));
}, "its answers depend on the working directory");

const filters = story("log-filters", (s) => {
  const a = s.admin("a");
  const get = (title: string): unknown =>
    a.asks(`GET_LOGGING_FILTERS ${title}`, admin.getFilters());
  const set = (setting: string | Uint8Array | undefined, flags = 0): void => {
    const shown = typeof setting === "string"
      ? JSON.stringify(setting)
      : setting
      ? "bytes"
      : "absent";
    a.asks(`SET_LOGGING_FILTERS ${shown}`, admin.setFilters(setting, flags));
  };
  get("at first");
  a.asks("GET_LOGGING_FILTERS with a flag", admin.getFilters(0xf0));
  set("4:util");
  get("of one");
  set("3:locking 4:util");
  get("of two");
  for (
    const setting of [
      "x",
      "7:x",
      "0:x",
      "-1:x",
      ":x",
      "1",
      "1:",
      "1:+",
      ":",
      "a:b",
      "4:ok 7:x",
      "%s:%n",
    ]
  ) {
    set(setting);
  }
  set("7:x", 1);
  get("after what was refused");
  for (
    const setting of [
      "4:+util",
      "4:++util",
      "4:a:b",
      " 4:a   3:b ",
      "4:a 3:a 4:a",
      "04:x",
      "4:*x?",
      "4:a\tb",
    ]
  ) {
    set(setting);
    get(`after ${JSON.stringify(setting)}`);
  }
  set(NOT_UTF8);
  get("after bytes that are not UTF-8");
  set(" ");
  get("after a blank");
  set("4:x");
  set("");
  get("after the empty setting");
  set("4:x");
  set(undefined);
  get("after no setting");
  a.asks(
    "SET_LOGGING_FILTERS, present as −1",
    admin.call(17, u32(0xffffffff), xdrString("4:y"), u32(0)),
  );
  get("after it");
});

export const loggingStories: readonly AdminStory[] = [outputs, paths, filters];
