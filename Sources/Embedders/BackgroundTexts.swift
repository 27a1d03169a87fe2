// SPDX-License-Identifier: Apache-2.0

/// Queries that have nothing to do with each other, nor with any library in particular: their scores are the null
/// against which the scores of real queries are seen (DESIGN 4). Of our own writing.
enum BackgroundTexts {
  static let english = [
    "a spoon in an empty drawer", "the third floor of a parking garage", "a receipt from the hardware store",
    "somebody tying a shoelace", "a map of bus routes", "wet paint on a wooden bench",
    "a jar of pickled onions",
    "the back of a washing machine", "two strangers shaking hands", "an unread letter",
    "a ladder against a wall",
    "morning fog over a motorway", "a drummer counting in", "a bowl of cold porridge",
    "the hem of a grey coat",
    "a pigeon on a window sill", "instructions for a bookshelf", "a child hiding behind a curtain",
    "an old telephone number", "the smell of rain", "a chess game left unfinished",
    "a nurse looking at her watch",
    "a broken umbrella", "a lighthouse keeper's diary", "grease on a bicycle chain",
    "a spare key under a stone",
    "the queue at the post office", "a pair of reading glasses", "a tractor in a narrow lane",
    "a birthday in March",
    "an elevator out of order", "a loaf of rye bread", "a violin without strings",
    "someone asleep on a train",
    "the colour of copper", "a frozen pond", "a stack of plates", "a barber sweeping the floor",
    "a lost glove",
    "a weather balloon", "the winner of a small lottery", "a bucket of nails", "a dentist's waiting room",
    "a bridge being painted", "a beetle on a leaf", "a politician kissing a baby", "a stamp collection",
    "an orchestra tuning up", "a taxi at four in the morning", "a hole in the fence", "a bottle of ink",
    "the shadow of a crane", "a man arguing with a parrot", "a basket of lemons",
    "a snowplough on the ring road",
    "a ticket to nowhere", "an astronaut's lunch", "a statue covered by a sheet", "a whistle in the dark",
    "a fox near the bins", "a cracked teapot", "a rope bridge", "a calendar from another year",
    "a quiet argument",
  ]

  static let chinese = [
    "一把旧雨伞", "抽屉里的勺子", "清晨的公交车站", "没写完的信", "隔壁的钢琴声", "一罐腌黄瓜", "系鞋带的人", "图书馆的楼梯",
    "修理洗衣机", "湖面上的薄冰", "过期的日历", "两个陌生人握手", "停电的晚上", "一张五年前的地图", "窗台上的麻雀", "理发店的镜子",
    "生锈的自行车", "拍卖会上的古董", "高速公路上的雾", "工地的起重机", "一双毛线手套", "等待叫号的病人", "雨后的泥土味", "山路上的卡车",
    "半杯凉茶", "广场上的鸽子", "被遗忘的密码", "乐队在调音", "篮子里的柠檬", "凌晨四点的出租车", "墙上的裂缝", "邮局的队伍",
  ]
}
