/** Every sequence of the differential corpus, in the order of its topics. */
import * as acquire from "./corpus/acquire.ts";
import { descriptorSequences } from "./corpus/descriptors.ts";
import { framingSequences } from "./corpus/framing.ts";
import * as holders from "./corpus/holders.ts";
import { keepaliveSequences } from "./corpus/keepalive.ts";
import * as lockspaces from "./corpus/lockspaces.ts";
import * as others from "./corpus/others.ts";
import * as register from "./corpus/register.ts";
import * as resources from "./corpus/resources.ts";
import { sessionSequences } from "./corpus/session.ts";
import type { Sequence } from "./corpus/script.ts";

export const corpus: readonly Sequence[] = [
  ...register.registerSequences,
  ...register.restrictSequences,
  ...lockspaces.newSequences,
  ...lockspaces.createLockspaceSequences,
  ...resources.createResourceSequences,
  ...resources.deleteResourceSequences,
  ...acquire.acquireSequences,
  ...acquire.releaseSequences,
  ...acquire.sharedSequences,
  ...framingSequences,
  ...keepaliveSequences,
  ...descriptorSequences,
  ...others.foreignSequences,
  ...others.aliasSequences,
  ...others.leaseSequences,
  ...holders.holderSequences,
  ...holders.daemonSequences,
  ...holders.admissionSequences,
  ...sessionSequences,
];
