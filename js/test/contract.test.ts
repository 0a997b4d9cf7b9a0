/** Both sides of the wire are held to tests/contract/fixtures: this is the page's side. */
import { describe, expect, it } from "vitest";
import firstPicture from "../../tests/contract/fixtures/first_picture.json";
import halves from "../../tests/contract/fixtures/halves.json";
import pooling from "../../tests/contract/fixtures/pooling.json";
import replies from "../../tests/contract/fixtures/replies.json";
import requests from "../../tests/contract/fixtures/requests.json";
import traits from "../../tests/contract/fixtures/traits.json";
import {
  layersRequest,
  nextRequest,
  patternPool,
  patternRequest,
  thumbnailPool,
  thumbnailRequest,
} from "../src/first-picture";
import { type ModelStage, stageOf } from "../src/model-stage";
import { stateOf, valueOf } from "../src/paint/half";
import type { BlockRequest, CellRequest, ReplyItem, RequestItem, ViewState } from "../src/protocol";
import { fromBase64 } from "../src/source/bytes";
import { keyOf } from "../src/source/key";
import { type CellValue, pooled } from "../src/source/snapshot";
import { FakeModel, framePassed } from "./fake-model";
import { field, RUN } from "./shapes";

const word = (bits: number, exponent: number) => {
  const state = stateOf(bits);
  return state === "value" ? valueOf(bits, exponent) : state;
};

describe("halves", () => {
  it.each(halves.cases)("stand for the numbers that the kernel means (exponent $exponent, $values)", (one) => {
    expect(one.bits.map((bits) => word(bits, one.exponent) || 0)).toEqual(one.values);
  });
});

describe("the first picture", () => {
  it.each(firstPicture.thumbnail_pool)("pools thumbnails alike: $layers x $heads heads, $tokens tokens", (one) => {
    expect(thumbnailPool(one.layers, one.heads, one.tokens)).toBe(one.pool);
  });

  it.each(firstPicture.pattern_pool)("pools a pattern of $tokens tokens alike", (one) => {
    expect(patternPool(one.tokens)).toBe(one.pool);
  });

  it.each(firstPicture.requests)(
    "asks for the very blocks that travel: $layers x $heads heads, $tokens tokens",
    (one) => {
      const { epoch, layers, heads, tokens, cursor, blocks } = one;
      const lens = field(
        "logit_lens",
        [
          ["layer", layers + 1, -1],
          ["position", tokens],
        ],
        { texts: true },
      );
      for (const [layer, request] of blocks.thumbnails.entries()) {
        expect(thumbnailRequest(epoch, layer, layers, heads, tokens)).toEqual(request);
      }
      expect(patternRequest(epoch, cursor.layer, cursor.head, tokens)).toEqual(blocks.pattern);
      expect(nextRequest(epoch, tokens)).toEqual(blocks.next);
      expect(layersRequest(lens, epoch, tokens)).toEqual(blocks.layers);
    },
  );
});

describe("pooling", () => {
  it.each(pooling.cases)("$what", ({ scale, values, pool, pooled: expected }) => {
    const [rows, columns] = [(pool as { query?: number }).query ?? 1, pool.key];
    const cells = (values as (number | string)[][]).map((row) =>
      row.map((cell) => (cell === "nan" ? Number.NaN : cell) as CellValue),
    );
    const found: CellValue[][] = [];
    for (let row = 0; row < cells.length; row += rows) {
      const line: CellValue[] = [];
      for (let column = 0; column < cells[0]!.length; column += columns) {
        const covered = cells.slice(row, row + rows).flatMap((part) => part.slice(column, column + columns));
        line.push(pooled(scale as "sequential", covered));
      }
      found.push(line);
    }
    expect(found.map((line) => line.map((cell) => (Number.isNaN(cell) ? "nan" : cell)))).toEqual(expected);
  });
});

/** A stage whose next requests get the ids of a fixture's replies: requests before them are let go. */
function stageAt(id: number): { model: FakeModel; stage: ModelStage; life: AbortController } {
  const life = new AbortController();
  const model = new FakeModel({ run: { ...RUN, epoch: 1 } });
  const stage = stageOf(model, life.signal);
  for (let used = 1; used < id; used++) stage.source.rpc.call("stop", {}).catch(() => {});
  return { model, stage, life };
}

describe("messages", () => {
  it("asks in the form that the kernel takes", async () => {
    for (const message of requests.valid) {
      if (message.kind !== "requests" || message.transport !== "binary") continue;
      const first = message.items![0]!.id;
      const { model, stage, life } = stageAt(first);
      await framePassed();
      model.sent.length = 0;
      for (const { method, params } of message.items!)
        stage.source.rpc.call(method as RequestItem["method"], params).catch(() => {});
      await framePassed();
      expect(model.sent).toEqual([message]);
      life.abort();
    }
  });

  it.each(replies.messages)("takes replies of every kind", async ({ content, buffers, values }) => {
    const items = content.items as ReplyItem[];
    const { model, stage, life } = stageAt(items[0]!.id);
    const shaped = (item: ReplyItem): Promise<unknown> => {
      const result = item.result as Record<string, unknown> | undefined;
      const index = { layer: item.id };
      if (result && "dims" in result) return stage.source.read({ field: "attention", epoch: 1, index });
      if (result && "value" in result) return stage.source.cell({ field: "attention", epoch: 1, index } as CellRequest);
      return stage.source.rpc.call("tokens", {}).then((answer) => answer.result);
    };
    const answers = Promise.allSettled(items.map(shaped));
    await framePassed();
    model.reply(
      items,
      buffers.map((text) => new DataView(fromBase64(text).buffer)),
    );
    for (const [at, answer] of (await answers).entries()) {
      const item = items[at]!;
      if (!item.ok) {
        expect(answer).toMatchObject({ status: "rejected", reason: { name: "SourceError", ...item.error } });
        continue;
      }
      expect(answer).toMatchObject({ status: "fulfilled", value: item.result });
      const expected = (values as unknown as Record<string, unknown[]>)[String(item.id)];
      if (!expected) continue;
      const { halves: bits, exponent } = (answer as PromiseFulfilledResult<{ halves: Uint16Array; exponent: number }>)
        .value;
      expect([...bits].map((one) => word(one, exponent))).toEqual(expected);
    }
    life.abort();
  });
});

describe("traits", () => {
  it("fill a stage, the first picture its cache", () => {
    const life = new AbortController();
    const first = {
      ...traits.first,
      blocks: traits.first.blocks.map((one) => ({ ...one, data: new DataView(fromBase64(one.data.base64).buffer) })),
    };
    const stage = stageOf(new FakeModel({ ...traits, first } as unknown as ViewState), life.signal);
    expect(stage.run.value).toEqual(traits.run);
    expect(stage.panels.value).toEqual(traits.panels);
    const [attention, lens, ablation] = traits.fields;
    expect(stage.fields.value).toEqual([attention, lens, { ...ablation, progress: traits.progress.ablation_effect }]);
    expect(stage.metric.value).toEqual(traits.measured);
    expect(stage.changes.value).toEqual(traits.changes);
    expect(stage.showing.value).toEqual(traits.showing);
    expect(stage.compared.value).toEqual(traits.compared);
    expect(stage.settled.value).toBe(true);
    expect(stage.status.value).toEqual(traits.status);
    expect(stage.settings.value).toEqual(traits.settings);
    expect(stage.problems.value).toEqual(traits.problems);
    expect(stage.tokens.value).toEqual({ texts: traits.run.tokens.texts, kinds: traits.run.tokens.kinds });
    expect(stage.selection.toCursor()).toEqual(traits.cursor);
    const { request } = traits.first.blocks[0]!;
    const turned = {
      ...request,
      index: Object.fromEntries(Object.entries(request.index).reverse()),
      texts: false,
      pool: {},
    };
    expect(keyOf(turned as BlockRequest)).toBe(keyOf(request as unknown as BlockRequest));
    const block = stage.source.peek(turned as BlockRequest);
    expect([...block!.halves].map((bits) => word(bits, 0))).toEqual([1, "masked", 0.5, 0.25]);
    life.abort();
  });
});
