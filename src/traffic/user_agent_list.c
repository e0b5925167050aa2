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
	SAYS_SO("thumbor"), SAYS_SO("cryptoapi"), SAYS_SO("aiohttp"), SAYS_SO("urllib"), SAYS_SO("<lwp"),
	SAYS_SO("mechanize"), SAYS_SO("powershell"), SAYS_SO("postman"), SAYS_SO("insomnia/"), SAYS_SO("httpie"), SAYS_SO("aria2"),
	SAYS_SO("restsharp"), SAYS_SO("resttemplate"), SAYS_SO("winhttp"), SAYS_SO("simplepie"),
	SAYS_SO("web-sniffer"), SAYS_SO("webcopier"), SAYS_SO("teleport"), SAYS_SO("offline explorer"), SAYS_SO("webzip"),
	SAYS_SO("emailsiphon"), SAYS_SO("emailwolf"), SAYS_SO("enrich"),
	SAYS_SO("parser"), SAYS_SO("loadtest"), SAYS_SO("healthcheck"), SAYS_SO("health-check"), SAYS_SO("watchdog"),
	SAYS_SO("automation"), SAYS_SO("automated"), SAYS_SO("proxycheck"),
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
	NAMED("uptrends"), NAMED("alertsite"), NAMED("webpagetest"), NAMED("sitespeed"), NAMED("speedcurve"),
	NAMED("checkly"), NAMED("pingbreak"), NAMED("freshping"), NAMED("hetrix"), NAMED("nodeping"), NAMED("statuspage"),
	NAMED("updown.io"), NAMED("rigor/"), NAMED("yottaa"), NAMED("sentry/"), NAMED("browserstack"), NAMED("saucelabs"),
	NAMED("lambdatest"), NAMED("testcafe"), NAMED("appium"), NAMED("katalon"), NAMED("browserless"), NAMED("rendertron"),
	NAMED("prerender"), NAMED("chrome-aws"), NAMED("urlbox"), NAMED("applitools"), NAMED("deepcrawl"),
	NAMED("lumar"), NAMED("oncrawl"), NAMED("botify"), NAMED("sitebulb"), NAMED("screaming frog"), NAMED("sistrix"),
	NAMED("serpstat"), NAMED("similarweb"), NAMED("builtwith"), NAMED("wappalyzer"),
	NAMED("netcraft"), NAMED("censys"), NAMED("shodan"), NAMED("zgrab"), NAMED("masscan"),
	NAMED("projectdiscovery"), NAMED("acunetix"), NAMED("netsparker"), NAMED("qualys"), NAMED("detectify"),
	NAMED("arachni"), NAMED("w3af"), NAMED("wpscan"), NAMED("zaproxy"), NAMED("dirbuster"), NAMED("gobuster"),
	NAMED("trendiction"), NAMED("meltwater"), NAMED("brandwatch"), NAMED("moreover"), NAMED("linkpad"), NAMED("zmeu"),
	NAMED("integralads"), NAMED("doubleverify"), NAMED("grapeshot"), NAMED("proximic"), NAMED("peer39"), NAMED("adsafe"),
	NAMED("confiant"), NAMED("geoedge"), NAMED("chatgpt-user"), NAMED("perplexity-user"), NAMED("claude-user"),
	NAMED("cohere-ai"), NAMED("mistralai"), NAMED("<cursor/"), NAMED("firecrawl"), NAMED("browser-use"), NAMED("operator-agent"),
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
	"2.x", "2345chrome", "2345explorer", "360chrome", "360ee", "360se", "360tray", "abaco", "ablaze",
	"abrowse", "acoo", "acrobat", "adg", "adobe", "adobeair", "agc", "airmail", "alienforce", "alilang",
	"aliworkbench", "aliyun", "aloha", "amigavoyager", "amigo", "antix", "aol", "aolbuild", "aolshield",
	"applewebkit", "arc", "arch", "archlinux", "arkweb", "arora", "asana", "asianux", "atom", "atomic",
	"avant", "avast", "avg", "aviator", "avira", "avirascout", "aweme", "babypass", "baiduboxapp", "baiduhi",
	"baidunetdisk", "basilisk", "battle", "bdspark", "beaker", "beamrise", "beonex", "bilibili", "binance",
	"blackhawk", "blazer", "blisk", "blizzard", "bolt", "bonecho", "brave", "bromite", "browsh", "browzar",
	"build", "bunjalloo", "bytedancewebview", "bytelocale", "cake", "camino", "canva", "catsxp", "ccleaner",
	"cctv", "ce-html", "cef", "cent", "center", "centos", "cfnetwork", "chakra", "channelname", "charon",
	"chedot", "cheshire", "chimera", "chromatic", "chrome", "chromeplus", "chromium", "chromodo", "citrio",
	"classilla", "clickup", "cliqz", "cloudlink", "clr", "cntv", "coast", "coccoc", "cocobrowser", "code",
	"coinbase", "colibri", "columbus", "comet", "cometbird", "comodo_dragon", "conkeror", "coolnovo", "core",
	"crazy", "crios", "crkey", "cromite", "crosswalk", "crusta", "csdn", "cunaguaro", "curse", "cyberdog",
	"cyberfox", "darwin", "ddg", "debian", "deepin", "deepnet", "deepseek", "deezer", "demeter", "devon",
	"devuan", "dia", "digital-tv", "dingtalk", "discord", "doczilla", "dolphin", "dooble", "dot", "doubao",
	"douyin", "douyu", "dragon", "dropbox", "duckduckgo", "ea", "earth", "ecosia", "edbrowse", "edg", "edga",
	"edge", "edgios", "ekiohflow", "electron", "element", "elementary", "emby", "emclient", "emerald",
	"emerge", "en", "enigma", "eolie", "epic", "epicgames", "epicgameslauncher", "epiphany", "escape", "euler",
	"evernote", "excel", "falkon", "fban", "fbav", "fedora", "feishu", "fellou", "fennec", "ferdi", "figma",
	"firebird", "firefox", "firehole", "fireweb", "flag", "flash", "flashpeak", "flipboard", "flock", "floorp",
	"flow", "flue", "fluid", "foxmail", "franz", "fvc", "fxios", "galeon", "gamebar", "gamoverlay", "gecko",
	"genspark", "gentoo", "ghostery", "ghostzilla", "ginger", "gnome-web", "gnu", "gnuzilla", "goanna",
	"google", "gosurf", "granparadiso", "greenbrowser", "gtb", "gtklauncher", "gw-device", "gx", "hana", "hat",
	"hbbtv", "hbpc", "helio", "helium", "hermes", "hotjava", "huya", "hv3", "icab", "iceape", "icecat",
	"icedragon", "icefox", "iceraven", "iceweasel", "ie", "impervious", "instagram", "intel", "interneton",
	"iqiyi", "iridium", "iris", "iron", "jasmine", "jd", "jdapp", "jdwork", "jellyfin", "jumanji", "juzi",
	"k-meleon", "kakaotalk", "kali", "kapiko", "kazehakase", "kazehake", "kde", "kdewebkit", "kdocs", "khtml",
	"kimi", "kinza", "kirix", "kiwi", "kkman", "kmeleon", "knoppix", "kodi", "konqueror", "kuaishou",
	"kubuntu", "kugou", "kuwo", "kylin", "kylo", "ladybird", "language", "large", "lark", "larklocale",
	"leagueoflegends", "leechcraft", "lemur", "librewolf", "liebao", "lightning", "like", "line", "linear",
	"linux", "linuxmint", "lobo", "lolifox", "loom", "lorentz", "luakit", "lubuntu", "lunascape", "lynx",
	"mac", "macintosh", "macwechat", "madfox", "mageia", "mailbird", "mailspring", "mandrake", "mandriva",
	"manjaro", "mattermost", "maxthon", "media", "meituan", "mercury", "metamask", "metasr", "mgtv",
	"micromessenger", "midori", "min", "minbrowser", "minefield", "minimo", "miniprogramenv", "mint", "miro",
	"mises", "mms", "mobile", "model", "modified", "monday", "moon", "mozilla", "mozillafirefox", "mrchrome",
	"mrsputnik", "msie", "msoffice", "msteams", "mullvad", "multizilla", "mx", "mybrowser", "myie", "myie2",
	"mypal", "namoroka", "nativefier", "naver", "navigator", "nemo", "neokylin", "neon", "net", "netbox",
	"netcaptor", "netchromium", "netclue", "netease", "neteasemail", "neteasemusic", "netfront", "netnewswire",
	"netpositive", "netscape", "netscape6", "netsurf", "nettype", "newmoon", "nightingale", "nightly", "nokia",
	"norton", "notion", "novarra-vision", "nwjs", "obs", "obsidian", "odin", "offbyone", "office", "ohhai",
	"okapp", "olyseh", "omniweb", "onedrive", "onenote", "openeuler", "openkylin", "opensuse", "opera", "opgx",
	"opr", "opt", "opx", "orca", "ordissimo", "oregano", "origin", "orion", "os", "osmeta", "otter", "outlook",
	"ov-steelcore", "overwolf", "owb", "pale", "palemoon", "parrot", "pclinuxos", "peppermint", "perplexity",
	"phaseout", "phoenix", "pinduoduo", "pinterest", "playstation", "plex", "pogo", "polarity", "popos",
	"postbox", "powerpoint", "presto", "prism", "privacywall", "professional", "proxyfox", "ptc", "puffin",
	"puppy", "pyxis", "qaxbrowser", "qbcore", "qianniu", "qihu", "qq", "qqlive", "qqmail", "qqmusic", "qt",
	"qtweb", "qtwebengine", "quark", "quarkpc", "quickbrowser", "quip", "qupzilla", "qutebrowser", "rambox",
	"raspbian", "red", "redflag", "redhat", "rekonq", "retawq", "rhel", "riot", "riotclient", "roblox",
	"roccat", "rocket", "rocketchat", "rockmelt", "rocky", "rosa", "ruibao", "rv", "sa", "saayaa", "sabayon",
	"safari", "safari-line", "safezone", "salamweb", "saoxiu", "screen", "se", "seamonkey", "secure",
	"serpent", "servo", "shift", "shiira", "shiretoko", "shockwave", "sidekick", "sielo", "signal", "silk",
	"singlebox", "skipstone", "skye", "skyfire", "skype", "slack", "slack_ssb", "slackware", "slbchan",
	"slbrowser", "sleipnir", "slimboat", "slimjet", "smartcast", "smartscreen", "smooz", "snapchat",
	"snowshoe", "sogou", "sohunews", "solaris", "songbird", "sonic", "spark", "sparky", "spotify", "sputnik",
	"srware", "stainless", "startpage", "station", "steam", "strata", "sulfur", "sundance", "sundial",
	"sunrise", "superbird", "supermium", "superswan", "surf", "suse", "sushi", "swift", "swiftfox",
	"swiftweasel", "swing", "sznprohlizec", "tablet", "taobao", "tbs", "teams", "telegram", "tencentmeeting",
	"tencenttraveler", "tenfourfox", "tenta", "tesla", "theworld", "thorium", "thunder", "thunderbird",
	"tidal", "tizen", "tjusig", "tmall", "tob", "todoist", "tongyi", "tor", "torch", "toutiao", "toutiaopc",
	"treco", "trello", "trident", "trisquel", "trustwallet", "twitch", "twitter", "u", "u2", "ubuntu", "ucweb",
	"ui4goodle", "ultrabrowser", "ungoogled", "unity", "unrealengine", "uos", "uplay", "ur", "uran", "uzbl",
	"vanadium", "vectorlinux", "version", "viber", "vidaa", "vimb", "viper", "vivaldi", "vizio", "void",
	"vonkeror", "voyager", "vr", "vscode", "wangwang", "waterfox", "wave", "wavebox", "webcatalog", "webex",
	"webexteams", "webianshell", "webissimo3", "webkit", "webkitgtk", "webpositive", "webview", "wechat",
	"wechatdevtools", "wechatwork", "weibo", "weixin", "welink", "wemeet", "weread", "wework", "whale",
	"whatsapp", "win64", "windows", "windowsstore", "windowswechat", "wkiosk", "wkwebview", "wmpf", "word",
	"workplace", "wow64", "wps", "wpsoffice", "wv", "wxwork", "wyzo", "x", "x11", "x64", "xfce", "xiaohongshu",
	"xing", "xmind", "xmly", "xombrero", "xubuntu", "xunlei", "xweb", "yaapp_windows", "yandex", "yiban",
	"yinxiang", "yjapp", "ylmf", "yolo", "youdao", "youku", "yowser", "yuanbao", "yyexplorer", "zen",
	"zenwalk", "zetakey", "zhihu", "zing", "zoom", "zoompresence", "zoomvideo", "zorin", "zvu",
};
const int	mhub_n_ua_products = lengthof(mhub_ua_products);

const char *const mhub_ua_platforms[] = {
	".net", "360se", "aarch64", "aix", "alpha", "alpine", "alpinux", "amd64", "amiga", "antix", "arch",
	"archlinux", "arm", "asahi", "asu2js", "avant", "beos", "bookworm", "build", "bullseye", "buster", "c",
	"centos", "chakra", "compatible", "cros", "crunchbang", "debian", "deepin", "devuan", "dragonfly",
	"elementary", "elive", "endeavour", "euler", "fbsv", "fedora", "freebsd", "funtoo", "garuda", "gentoo",
	"gnome", "gnu", "gtb", "haiku", "harmonyos", "hp-ux", "hurd", "i386", "i486", "i586", "i686", "ia64",
	"infopath", "intel", "irix", "kali", "kde", "khtml", "kubuntu", "kylin", "kylinos", "lcjb", "like",
	"linspire", "linux", "linuxmint", "loong", "loongarch", "lubuntu", "m18", "maarjs", "mac", "macintosh",
	"mageia", "mal", "mam", "mandrake", "mandriva", "manjaro", "mas", "mat", "maxthon", "mdd", "media",
	"metasr", "mint", "mips", "ms-rtc", "msie", "mtk", "neokylin", "neon", "netbsd", "newstart", "nixos",
	"odyssey", "openbsd", "openeuler", "openharmony", "openkylin", "opensuse", "os/2", "parrot", "pclinuxos",
	"peppermint", "pop", "popos", "powerpc", "ppc", "ppc64", "puppy", "qihu", "raspberry", "raspbian", "red",
	"redhat", "rhel", "riscv", "rocky", "rosa", "rv", "sabayon", "scientific", "se", "slackware", "slcc",
	"solaris", "solus", "sparc", "stretch", "sunos", "suse", "tablet", "tabletpc", "tencent", "th-th@", "the",
	"touch", "trident", "trisquel", "turbolinux", "ubuntu", "ultrasparc", "uos", "vector", "void", "wayland",
	"win", "windows", "wininet", "world", "wow64", "wpdesktop", "wv", "x11", "x64", "x86", "x86_64", "xfce",
	"xubuntu", "yellow", "zorin",
};
const int	mhub_n_ua_platforms = lengthof(mhub_ua_platforms);
