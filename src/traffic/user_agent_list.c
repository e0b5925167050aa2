/*
 * user_agent_list.c
 *	  The words by which robots and people's devices and browsers are known.
 *
 * < and > are the borders of words, see automaton.h.  A negative weight takes
 * back what a robot's word inside the same product's name says.
 */
#include "traffic/user_agent.h"

#define SAYS_SO(text) {text, 1, 0}
#define NAMED(text) {text, 1, MHUB_UA_NAMED}
#define NOT_A_ROBOT(text) {text, -1, 0}
#define DEVICE(text) {text, 0, MHUB_UA_DEVICE}
#define SPECIAL(text) {text, 0, MHUB_UA_DEVICE | MHUB_UA_SPECIAL}
#define PHONE(text) {text, 0, MHUB_UA_DEVICE | MHUB_UA_SPECIAL | MHUB_UA_MODEL}
#define DESKTOP(text) {text, 0, MHUB_UA_SYSTEM | MHUB_UA_DESKTOP}
#define SYSTEM(text) {text, 0, MHUB_UA_SYSTEM}
#define ENGINE(text) {text, 0, MHUB_UA_ENGINE}

const MhubWord mhub_ua_robot_words[] = {
	/* what robots call themselves and their work */
	SAYS_SO("bot>"), SAYS_SO("bots>"), SAYS_SO("robot"), SAYS_SO("<bot"), SAYS_SO("crawl"), SAYS_SO("spider"),
	SAYS_SO("spyder"), SAYS_SO("slurp"), SAYS_SO("scrap"), SAYS_SO("fetch"), SAYS_SO("archiv"), SAYS_SO("indexer"),
	SAYS_SO("indexing"), SAYS_SO("monitor"), SAYS_SO("check>"), SAYS_SO("checker"), SAYS_SO("checking"),
	SAYS_SO("verify"), SAYS_SO("verifier"), SAYS_SO("scanner"), SAYS_SO("scanning"), SAYS_SO("scan>"),
	SAYS_SO("validat"), SAYS_SO("preview"), SAYS_SO("transcoder"), SAYS_SO("survey"), SAYS_SO("harvest"),
	SAYS_SO("extract"), SAYS_SO("grabber"), SAYS_SO("downloader"), SAYS_SO("sniff"), SAYS_SO("probe"),
	SAYS_SO("research"), SAYS_SO("snapshot"), SAYS_SO("screenshot"), SAYS_SO("synthetic"), SAYS_SO("uptime"),
	SAYS_SO("audit"), SAYS_SO("unfurl"), SAYS_SO("inspector"), SAYS_SO("agent>"), SAYS_SO("analyz"),
	SAYS_SO("analyt"), SAYS_SO("sucker"), SAYS_SO("collector"), SAYS_SO("observatory"), SAYS_SO("optimizer"),
	SAYS_SO("classifier"), SAYS_SO("measurement"), SAYS_SO("insights"), SAYS_SO("thumbnail"), SAYS_SO("<seo>"),
	SAYS_SO("ranking"), SAYS_SO("subscriber"), SAYS_SO("aggregator"), SAYS_SO("console>"), SAYS_SO("tester"),
	SAYS_SO("speed test"), SAYS_SO("speedtest"), SAYS_SO("pagespeed"), SAYS_SO("page speed"), SAYS_SO("proxy>"),
	/* whose they are: people's user agents have no address in them */
	SAYS_SO("http:"), SAYS_SO("https:"), SAYS_SO("www."), SAYS_SO("@"),
	/* browsers that run without people */
	SAYS_SO("headless"), SAYS_SO("phantomjs"), SAYS_SO("selenium"), SAYS_SO("webdriver"), SAYS_SO("puppeteer"),
	SAYS_SO("playwright"), SAYS_SO("cypress"), SAYS_SO("lighthouse"), SAYS_SO("<splash>"), SAYS_SO("htmlunit"),
	SAYS_SO("slimerjs"), SAYS_SO("electronfetch"), SAYS_SO("google-"), SAYS_SO("-google"),
	SAYS_SO("googleweblight"), SAYS_SO("mediapartners"), SAYS_SO("wkhtml"),
	/* libraries and tools */
	SAYS_SO("python"), SAYS_SO("<curl"), SAYS_SO("wget"), SAYS_SO("<java/1"), SAYS_SO("okhttp"), SAYS_SO("axios"),
	SAYS_SO("http client"), SAYS_SO("urllookup"), SAYS_SO("httpclient"), SAYS_SO("http-client"), SAYS_SO("<perl"), SAYS_SO("guzzle"), SAYS_SO("nutch"),
	SAYS_SO("heritrix"), SAYS_SO("libwww-perl"), SAYS_SO("<ruby/"), SAYS_SO("<php>"),
	SAYS_SO("node-fetch"), SAYS_SO("httrack"), SAYS_SO("<grpc"), SAYS_SO("openvas"), SAYS_SO("<nikto"),
	SAYS_SO("nessus"), SAYS_SO("nmap"), SAYS_SO("sqlmap"), SAYS_SO("clamav"), SAYS_SO("burpcollaborator"),
	SAYS_SO("thumbor"), SAYS_SO("cryptoapi"),
	/* readers of feeds, previews of links */
	SAYS_SO("<feed"), SAYS_SO("feed>"), SAYS_SO("<rss>"), SAYS_SO("<rssowl"), SAYS_SO("facebookexternal"),
	SAYS_SO("<whatsapp/"), SAYS_SO("newsblur"), SAYS_SO("readkit"), SAYS_SO("<swcd>"), SAYS_SO("<duckduckgo/0"),
	SAYS_SO("ddg_android"), SAYS_SO("duckduckgo.mobile"), SAYS_SO("azure-logic-apps"),
	/* services that watch, measure and copy sites with a browser's user agent */
	NAMED("<ptst>"), NAMED("pingdom"), NAMED("siteimprove"), NAMED("catchpoint"), NAMED("dareboost"),
	NAMED("gomez"), NAMED("thousandeyes"), NAMED("ghost inspector"), NAMED("dejaclick"),
	NAMED("site24x7"), NAMED("newrelic"), NAMED("datadog"), NAMED("dynatrace"), NAMED("appdynamics"),
	NAMED("statuscake"), NAMED("<gtmetrix"), NAMED("semrush"), NAMED("ahrefs"), NAMED("marketgoo"),
	NAMED("silktide"), NAMED("datanyze"), NAMED("dmbrowser"), NAMED("convertify"), NAMED("adbeat"),
	NAMED("daum 4"), NAMED("daumoa"), NAMED("newsnow"), NAMED("pageburst"),
	/* Tencent's check of links: WeChat's own has a space before MQQBrowser */
	SAYS_SO("0mqqbrowser"),
};
const int	mhub_n_ua_robot_words = lengthof(mhub_ua_robot_words);

const MhubWord mhub_ua_human_words[] = {
	ENGINE("mozilla"), ENGINE("webkit"), ENGINE("gecko"), ENGINE("khtml"), ENGINE("<presto/"), ENGINE("<opera>"),
	ENGINE("msie"), ENGINE("trident"), ENGINE("firefox"), ENGINE("safari"), ENGINE("chrome"),

	DESKTOP("windows nt"), DESKTOP("macintosh"), DESKTOP("x11;"), DESKTOP("<cros "),
	SYSTEM("linux"), SYSTEM("x11"), SYSTEM("mac os x"), SYSTEM("mac_powerpc"), SYSTEM("windows 9"),
	SYSTEM("windows;"), SYSTEM("<win9"), SYSTEM("freebsd"), SYSTEM("openbsd"), SYSTEM("netbsd"), SYSTEM("sunos"),
	SYSTEM("<haiku>"), SYSTEM("<beos>"), SYSTEM("os/2"), SYSTEM("<amiga"), SYSTEM("morphos"),
	SYSTEM("<risc os"), SYSTEM("<version/"), SYSTEM("<ms-office"),

	PHONE("android"), SPECIAL("andr0id"), SPECIAL("<adr "), SPECIAL("iphone"), SPECIAL("ipad"), SPECIAL("ipod"),
	SPECIAL("<ios>"), SPECIAL("<sonos/"), SPECIAL("windows phone"), SPECIAL("windows ce"), SPECIAL("iemobile"), SPECIAL("lumia"),
	SPECIAL("harmony"), SPECIAL("kaios"), SPECIAL("symbian"), SPECIAL("series60"), SPECIAL("series40"),
	SPECIAL("series 60"), SPECIAL("series 40"), SPECIAL("midp"), SPECIAL("cldc"), SPECIAL("blackberry"),
	SPECIAL("<bb10"), SPECIAL("playbook"), SPECIAL("meego"), SPECIAL("maemo"), SPECIAL("<bada>"), SPECIAL("nokia"),
	SPECIAL("sonyericsson"), SPECIAL("<lg-"), SPECIAL("<lge-"), SPECIAL("<mot-"), SPECIAL("<sec-"),
	SPECIAL("samsung"), SPECIAL("<fban/"), SPECIAL("<fbav/"), SPECIAL("osmeta"),
	SPECIAL("<sie-"), SPECIAL("<htc-"), SPECIAL("alcatel"), SPECIAL("huawei"), SPECIAL("pantech"),
	SPECIAL("motorola"), SPECIAL("lenovo"), SPECIAL("<lg "), SPECIAL("<zte"), SPECIAL("xiaomi"), SPECIAL("<oppo"),
	SPECIAL("<vivo"), SPECIAL("<honor"), SPECIAL("oneplus"), SPECIAL("<realme"), SPECIAL("meizu"),
	SPECIAL("snapchat/"), SPECIAL("docomo"), SPECIAL("kddi-"), SPECIAL("<softbank"), SPECIAL("<vodafone/"),
	SPECIAL("palmos"), SPECIAL("palmsource"), SPECIAL("<brew"), SPECIAL("<mre/"), SPECIAL("<mre "),
	SPECIAL("<dorado>"), SPECIAL("_dorado"), SPECIAL("mobile;"), SPECIAL("tablet;"), SPECIAL("tablet browser"), {"<mobile>", 0, MHUB_UA_SYSTEM | MHUB_UA_SPECIAL},
	SPECIAL("htc_"), SPECIAL("<htc "), SPECIAL("sailfish"), SPECIAL("ubuntu touch"), SPECIAL("fuchsia"),

	SPECIAL("tizen"), SPECIAL("web0s"), SPECIAL("webos"), SPECIAL("hbbtv"), SPECIAL("netcast"), SPECIAL("nettv"),
	SPECIAL("netrange"), SPECIAL("smarttv"), SPECIAL("smart-tv"), SPECIAL("smart tv"), SPECIAL("appletv"),
	SPECIAL("apple tv"), SPECIAL("googletv"), SPECIAL("<roku"), SPECIAL("vidaa"), SPECIAL("<odin/"),
	SPECIAL("<crkey>"), SPECIAL("<viera"), SPECIAL("bravia"), SPECIAL("aquos"), SPECIAL("<dtv>"), SPECIAL("<tv;"),
	SPECIAL("digital-tv"), SPECIAL("vizio"), SPECIAL("<astro;"), SPECIAL("kreatv"), SPECIAL("ce-html"),
	SPECIAL("coolita"), SPECIAL("liteos"), SPECIAL("<stv;"), SPECIAL("foxxum"), SPECIAL("netgem"),
	SPECIAL("hisense"), SPECIAL("panasonic"), SPECIAL("toshiba"), SPECIAL("loewe"), SPECIAL("humax"), SPECIAL("technisat"),
	SPECIAL("thomson"), SPECIAL("<maple"), SPECIAL("brightsign"), SPECIAL("inettvbrowser"), SPECIAL("nintendo"), SPECIAL("playstation"), SPECIAL("<ps3"),
	SPECIAL("<psp"), SPECIAL("<3ds"), SPECIAL("<wii"), SPECIAL("xbox"), SPECIAL("<quest "), SPECIAL("<pico "),
	SPECIAL("<vr>"), SPECIAL("oculus"), SPECIAL("<tesla"), SPECIAL("qtcarbrowser"), SPECIAL("kindle"),
	SPECIAL("<silk/"), SPECIAL("<nook"), SPECIAL("armv7l"), SPECIAL("armv6l"), SPECIAL("powerpc"),

	SPECIAL("<opera>"), SPECIAL("<operamini"), SPECIAL("<presto/"), SPECIAL("msie"), SPECIAL("trident"), SPECIAL("dalvik"), SPECIAL("ucweb"),
	SPECIAL("ucbrowser"), SPECIAL("mqqbrowser"), SPECIAL("konqueror"), SPECIAL("<lynx>"), SPECIAL("<links>"),
	SPECIAL("<elinks>"), SPECIAL("<w3m>"), SPECIAL("<dillo"), SPECIAL("mosaic"), SPECIAL("<amaya"),
	SPECIAL("<hotjava"), SPECIAL("<netsurf"), SPECIAL("<ibrowse"), SPECIAL("up.browser"), SPECIAL("obigo"),
	SPECIAL("netfront"), SPECIAL("<teleca"), SPECIAL("openwave"), SPECIAL("<polaris"), SPECIAL("<xiino"),
	/* browsers of before 2011 named all sorts of things */
	SPECIAL("rv:1."), SPECIAL("; u;"),
	SPECIAL("<electron/"), SPECIAL("qtwebengine"), SPECIAL("cefsharp"), SPECIAL("cfnetwork"), SPECIAL("microsoft office"), SPECIAL("<gog galaxy"),
	SPECIAL("<valve steam"), DEVICE("<opr/"), DEVICE("browser>"),

	/* the browsers and apps of China's platforms */
	SPECIAL("micromessenger"), SPECIAL("windowswechat"), SPECIAL("macwechat"), SPECIAL("wxwork"), SPECIAL("weibo"),
	SPECIAL("baiduboxapp"), SPECIAL("baidubrowser"), SPECIAL("bidubrowser"), SPECIAL("qqbrowser"), SPECIAL("<qq/"),
	SPECIAL("qqtheme"), SPECIAL("<metasr"), SPECIAL("sogoumobilebrowser"), SPECIAL("sogousearch"), SPECIAL("<qihu"),
	SPECIAL("360se"), SPECIAL("360ee"), SPECIAL("qhbrowser"), SPECIAL("<quark/"), SPECIAL("alipayclient"),
	SPECIAL("dingtalk"), SPECIAL("<lark/"), SPECIAL("feishu"), SPECIAL("aliapp"), SPECIAL("newsarticle"),
	SPECIAL("aweme"), SPECIAL("bytedance"), SPECIAL("kwai"), SPECIAL("bilibili"), SPECIAL("zhihu"),
	SPECIAL("xhsdiscover"), SPECIAL("xiaohongshu"), SPECIAL("lbbrowser"), SPECIAL("2345explorer"),
	SPECIAL("maxthon"), SPECIAL("tencenttraveler"), SPECIAL("theworld"), SPECIAL("ubrowser"),

	NOT_A_ROBOT("cubot"), NOT_A_ROBOT("ecosia android@"), NOT_A_ROBOT("ecosia ios@"), NOT_A_ROBOT("@calendar"),
	{"mozacfetch", -1, MHUB_UA_DEVICE}, NOT_A_ROBOT("botech"), NOT_A_ROBOT("camscanner"), NOT_A_ROBOT("_agent>"),
	NOT_A_ROBOT("http://bsalsa"), NOT_A_ROBOT("google wap proxy"),
	NOT_A_ROBOT("speedmode; proxy"),
};
const int	mhub_n_ua_human_words = lengthof(mhub_ua_human_words);

const char *const mhub_ua_products[] = {
	"2.x", "2345chrome", "2345explorer", "360chrome", "360ee", "360se", "360tray", "acoo", "acrobat", "adg",
	"adobe", "adobeair", "agc", "aliworkbench", "amigavoyager", "amigo", "aol", "aolbuild", "aolshield",
	"applewebkit", "arc", "arch", "archlinux", "arkweb", "arora", "atom", "avant", "avast", "avg", "aviator",
	"avira", "avirascout", "aweme", "basilisk", "bdspark", "beamrise", "beonex", "bilibili", "blisk", "bolt",
	"bonecho", "brave", "build", "bytelocale", "camino", "ccleaner", "ce-html", "cef", "cent", "center",
	"centos", "cfnetwork", "channelname", "charon", "cheshire", "chimera", "chrome", "chromeplus", "chromium",
	"citrio", "cliqz", "cloudlink", "clr", "coast", "coccoc", "colibri", "comet", "cometbird", "comodo_dragon",
	"conkeror", "coolnovo", "core", "crazy", "crios", "crkey", "crosswalk", "cyberfox", "darwin", "ddg",
	"debian", "deepin", "deepnet", "demeter", "devon", "dia", "digital-tv", "dingtalk", "discord", "dolphin",
	"dooble", "douyin", "dragon", "duckduckgo", "earth", "ecosia", "edg", "edga", "edge", "edgios", "electron",
	"element", "en", "eolie", "epic", "epiphany", "escape", "evernote", "falkon", "fban", "fbav", "fedora",
	"feishu", "fennec", "ferdi", "figma", "firebird", "firefox", "fireweb", "flag", "flash", "flipboard",
	"flock", "floorp", "flue", "franz", "fvc", "fxios", "galeon", "gamoverlay", "gecko", "gentoo", "ghostery",
	"gnu", "gnuzilla", "goanna", "google", "granparadiso", "gtb", "gtklauncher", "gw-device", "gx", "hat",
	"hbbtv", "hbpc", "hotjava", "icab", "iceape", "icecat", "icedragon", "iceweasel", "ie", "instagram",
	"intel", "iridium", "iris", "iron", "jasmine", "jdwork", "jumanji", "juzi", "k-meleon", "kakaotalk",
	"kapiko", "kazehakase", "kazehake", "kdewebkit", "kdocs", "khtml", "kinza", "kirix", "kmeleon",
	"konqueror", "kuaishou", "kubuntu", "kylin", "kylo", "language", "large", "lark", "larklocale",
	"librewolf", "liebao", "lightning", "like", "line", "linux", "lolifox", "lorentz", "luakit", "lunascape",
	"mac", "macintosh", "macwechat", "madfox", "mandriva", "maxthon", "media", "metasr", "micromessenger",
	"midori", "minefield", "minimo", "miniprogramenv", "mint", "mms", "mobile", "model", "modified", "moon",
	"mozilla", "mrchrome", "mrsputnik", "msie", "msoffice", "msteams", "mullvad", "multizilla", "mypal",
	"namoroka", "nativefier", "naver", "navigator", "net", "netclue", "neteasemusic", "netfront",
	"netnewswire", "netscape", "netscape6", "nettype", "nightingale", "nightly", "nokia", "norton", "notion",
	"novarra-vision", "nwjs", "odin", "office", "olyseh", "omniweb", "opera", "opgx", "opr", "opt", "opx",
	"orca", "ordissimo", "os", "osmeta", "otter", "outlook", "ov-steelcore", "owb", "pale", "palemoon",
	"perplexity", "phoenix", "pinterest", "playstation", "pogo", "postbox", "presto", "prism", "professional",
	"ptc", "puffin", "pyxis", "qianniu", "qihu", "qq", "qqmusic", "qt", "qtweb", "qtwebengine", "quark",
	"quarkpc", "qupzilla", "rambox", "raspbian", "red", "rekonq", "riot", "roccat", "rockmelt", "ruibao", "rv",
	"sa", "saayaa", "safari", "safari-line", "safezone", "salamweb", "saoxiu", "screen", "se", "seamonkey",
	"servo", "shiira", "shiretoko", "shockwave", "sidekick", "sielo", "signal", "silk", "singlebox", "skyfire",
	"slack", "slack_ssb", "slackware", "sleipnir", "slimjet", "smartcast", "snapchat", "snowshoe", "sogou",
	"solaris", "songbird", "sonic", "spark", "spotify", "sputnik", "station", "steam", "strata", "sunrise",
	"superbird", "superswan", "surf", "suse", "swift", "swiftfox", "swiftweasel", "swing", "sznprohlizec",
	"tablet", "tbs", "teams", "telegram", "tencentmeeting", "tencenttraveler", "tenfourfox", "tesla",
	"theworld", "thunder", "thunderbird", "tob", "tor", "torch", "toutiao", "toutiaopc", "treco", "trident",
	"u", "u2", "ubuntu", "ucweb", "ui4goodle", "ungoogled", "uos", "uran", "uzbl", "version", "viber", "vidaa",
	"vimb", "viper", "vivaldi", "vizio", "vonkeror", "voyager", "vr", "wangwang", "waterfox", "wavebox",
	"webcatalog", "webissimo3", "webkit", "webkitgtk", "webpositive", "webview", "wechat", "wechatdevtools",
	"weixin", "welink", "wemeet", "wework", "whale", "whatsapp", "win64", "windows", "windowsstore",
	"windowswechat", "wkwebview", "wmpf", "wow64", "wps", "wpsoffice", "wv", "wxwork", "wyzo", "x", "x11",
	"x64", "xfce", "xiaohongshu", "xing", "xmind", "xombrero", "xunlei", "xweb", "yaapp_windows", "yinxiang",
	"yjapp", "ylmf", "youdao", "yowser", "yyexplorer", "zen", "zetakey", "zing",
};
const int	mhub_n_ua_products = lengthof(mhub_ua_products);

const char *const mhub_ua_platforms[] = {
	".net", "360se", "aarch64", "aix", "amd64", "amiga", "arch", "archlinux", "arm", "asu2js", "avant", "beos",
	"build", "c", "centos", "compatible", "cros", "debian", "deepin", "dragonfly", "elementary", "fbsv",
	"fedora", "freebsd", "gentoo", "gnu", "gtb", "haiku", "hp-ux", "i386", "i486", "i586", "i686", "infopath",
	"intel", "irix", "khtml", "kubuntu", "kylin", "lcjb", "like", "linspire", "linux", "lubuntu", "m18",
	"maarjs", "mac", "macintosh", "mal", "mam", "mandriva", "manjaro", "mas", "mat", "maxthon", "mdd", "media",
	"metasr", "mint", "ms-rtc", "msie", "mtk", "netbsd", "nixos", "odyssey", "openbsd", "opensuse", "os/2",
	"powerpc", "ppc", "qihu", "red", "rosa", "rv", "se", "slackware", "slcc", "solaris", "sunos", "suse", "th-th@",
	"tablet", "tabletpc", "tencent", "the", "touch", "trident", "ubuntu", "uos", "win", "windows", "wininet",
	"world", "wow64", "wpdesktop", "wv", "x11", "x64", "x86", "xubuntu",
};
const int	mhub_n_ua_platforms = lengthof(mhub_ua_platforms);
