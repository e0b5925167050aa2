/*
 * user_agent_list.c
 *	  The words by which robots and people's devices are known.
 *
 * < and > are the borders of words, see automaton.h.  A negative weight takes
 * back what a robot's word inside the same product's name says.
 */
#include "traffic/user_agent.h"

#define SAYS_SO(text) {text, 1, 0}
#define NOT_A_ROBOT(text) {text, -1, 0}
#define DEVICE(text) {text, 0, MHUB_UA_DEVICE}

const MhubWord mhub_ua_robot_words[] = {
	/* what robots call themselves and their work */
	SAYS_SO("bot>"), SAYS_SO("bots>"), SAYS_SO("robot"), SAYS_SO("<bot"), SAYS_SO("crawl"), SAYS_SO("spider"),
	SAYS_SO("spyder"), SAYS_SO("slurp"), SAYS_SO("scrap"), SAYS_SO("fetch"), SAYS_SO("archiv"), SAYS_SO("indexer"),
	SAYS_SO("monitor"), SAYS_SO("checker"), SAYS_SO("scanner"), SAYS_SO("validat"), SAYS_SO("preview"),
	SAYS_SO("transcoder"), SAYS_SO("survey"), SAYS_SO("harvest"), SAYS_SO("extract"), SAYS_SO("grabber"),
	SAYS_SO("downloader"), SAYS_SO("sniff"), SAYS_SO("probe"), SAYS_SO("research"), SAYS_SO("snapshot"),
	SAYS_SO("screenshot"), SAYS_SO("synthetic"), SAYS_SO("uptime"), SAYS_SO("pingdom"), SAYS_SO("audit"),
	SAYS_SO("unfurl"), SAYS_SO("<ptst>"), SAYS_SO("inspector"), SAYS_SO("agent>"), SAYS_SO("analyz"),
	/* whose they are: people's user agents have no address in them */
	SAYS_SO("http:"), SAYS_SO("https:"), SAYS_SO("www."), SAYS_SO("@"),
	/* browsers that run without people */
	SAYS_SO("headless"), SAYS_SO("phantomjs"), SAYS_SO("selenium"), SAYS_SO("puppeteer"), SAYS_SO("playwright"),
	SAYS_SO("cypress"), SAYS_SO("lighthouse"), SAYS_SO("google-"), SAYS_SO("-google"), SAYS_SO("googleweblight"),
	/* libraries */
	SAYS_SO("python"), SAYS_SO("<curl"), SAYS_SO("wget"), SAYS_SO("<java/"), SAYS_SO("okhttp"), SAYS_SO("axios"),
	SAYS_SO("httpclient"), SAYS_SO("http-client"), SAYS_SO("<perl"), SAYS_SO("guzzle"), SAYS_SO("nutch"),
	SAYS_SO("heritrix"), SAYS_SO("libwww-perl"), SAYS_SO("<ruby>"), SAYS_SO("<php"), SAYS_SO("node-fetch"),
	/* readers and other tools */
	SAYS_SO("<feed"), SAYS_SO("feed>"), SAYS_SO("<rss>"), SAYS_SO("facebookexternal"), SAYS_SO("httrack"),
	SAYS_SO("siteimprove"), SAYS_SO("mediapartners"), SAYS_SO("proxy>"),
};
const int	mhub_n_ua_robot_words = lengthof(mhub_ua_robot_words);

const MhubWord mhub_ua_human_words[] = {
	DEVICE("android"), DEVICE("<adr "), DEVICE("iphone"), DEVICE("ipad"), DEVICE("ipod"), DEVICE("<ios>"),
	DEVICE("windows nt"), DEVICE("windows phone"), DEVICE("windows 9"), DEVICE("windows ce"), DEVICE("windows;"),
	DEVICE("<win9"), DEVICE("macintosh"), DEVICE("mac os x"), DEVICE("mac_powerpc"), DEVICE("linux"), DEVICE("x11"),
	DEVICE("<cros>"), DEVICE("tizen"), DEVICE("web0s"), DEVICE("webos"), DEVICE("kaios"), DEVICE("symbian"),
	DEVICE("harmony"), DEVICE("series60"), DEVICE("series40"), DEVICE("series 60"), DEVICE("midp"), DEVICE("cldc"),
	DEVICE("blackberry"), DEVICE("<bb10"), DEVICE("playbook"), DEVICE("nintendo"), DEVICE("playstation"),
	DEVICE("xbox"), DEVICE("hbbtv"), DEVICE("netcast"), DEVICE("nettv"), DEVICE("smarttv"), DEVICE("smart-tv"),
	DEVICE("appletv"), DEVICE("roku"), DEVICE("dalvik"), DEVICE("ucweb"), DEVICE("ucbrowser"), DEVICE("mqqbrowser"),
	DEVICE("cfnetwork"), DEVICE("darwin"), DEVICE("opera"), DEVICE("presto"), DEVICE("konqueror"), DEVICE("<lynx>"),
	DEVICE("<links>"), DEVICE("<elinks>"), DEVICE("<w3m>"), DEVICE("up.browser"), DEVICE("obigo"), DEVICE("<mre/"),
	DEVICE("<brew"), DEVICE("meego"), DEVICE("maemo"), DEVICE("<bada>"), DEVICE("nokia"), DEVICE("samsung"),
	DEVICE("sonyericsson"), DEVICE("<lg-"), DEVICE("<mot-"), DEVICE("netfront"), DEVICE("amiga"), DEVICE("beos"),
	DEVICE("haiku"), DEVICE("freebsd"), DEVICE("openbsd"), DEVICE("netbsd"), DEVICE("sunos"), DEVICE("os/2"),
	DEVICE("<wii>"), DEVICE("<3ds>"), DEVICE("<psp"), DEVICE("kindle"), DEVICE("<silk/"), DEVICE("msie"),
	DEVICE("iemobile"), DEVICE("mobile;"), DEVICE("tablet;"), DEVICE("micromessenger"), DEVICE("weibo"),
	DEVICE("baiduboxapp"), DEVICE("qqbrowser"), DEVICE("sogoumobilebrowser"), DEVICE("quark/"), DEVICE("qihu"),

	NOT_A_ROBOT("cubot"), NOT_A_ROBOT("ecosia android@"), NOT_A_ROBOT("ecosia ios@"),
};
const int	mhub_n_ua_human_words = lengthof(mhub_ua_human_words);
