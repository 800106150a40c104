//! Words that made-up company names are put together from, by language. None is the name of a
//! person; the combinations are nobody's.

/// How the names of a state's companies are made.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// BCP 47 language of the names.
    pub lang: &'static str,
    /// First words.
    pub first: &'static [&'static str],
    /// Words that follow.
    pub second: &'static [&'static str],
    /// What stands between words.
    pub space: &'static str,
    /// Legal forms: before the name, after it, in national words.
    pub forms: &'static [(&'static str, &'static str, &'static str)],
    /// Cities.
    pub cities: &'static [&'static str],
    /// Streets.
    pub streets: &'static [&'static str],
}

/// English words, also of second names.
pub(super) const ENGLISH: [&[&str]; 2] = [
    &[
        "Golden", "Pacific", "Lion", "Harbour", "Evergreen", "Sunrise", "Lotus", "Orchid", "Delta",
        "Summit", "Pearl", "Emerald", "Phoenix", "Dragon", "Temasek", "Straits", "Monsoon", "Coral",
        "Bamboo", "Mekong", "Oriental", "United", "Premier", "Global", "Asia", "Silver", "Crystal",
        "Royal", "Star", "Ocean", "Island", "River", "Mountain", "Bright", "Noble", "Grand",
        "Century", "Alpha", "Vertex", "Zenith", "Apex", "Nova", "Horizon", "Meridian", "Compass",
        "Anchor", "Beacon", "Cedar", "Maple", "Willow", "Jade", "Amber", "Sapphire", "Titan",
        "Atlas", "Orion", "Polaris", "Equator", "Tropic", "Spice", "Cinnamon", "Ginger", "Jasmine",
        "Heritage", "Legacy", "Unity", "Prosper", "Fortune", "Success", "Victory", "Wisdom",
        "Harmony", "Serene", "Swift", "Rapid", "Prime", "Quantum", "Vector", "Matrix", "Fusion",
        "Synergy", "Catalyst", "Pioneer", "Voyager", "Explorer", "Frontier", "Gateway", "Bridge",
        "Tower", "Castle",
    ],
    &[
        "Trading", "Logistics", "Holdings", "Engineering", "Foods", "Textiles", "Electronics",
        "Marine", "Shipping", "Properties", "Capital", "Ventures", "Technology", "Systems",
        "Solutions", "Resources", "Energy", "Plastics", "Timber", "Rubber", "Palm Oil", "Seafood",
        "Furniture", "Packaging", "Printing", "Media", "Travel", "Hotels", "Catering", "Healthcare",
        "Pharma", "Chemicals", "Steel", "Metals", "Machinery", "Motors", "Aviation", "Freight",
        "Warehouse", "Import Export", "Garments", "Footwear", "Jewellery", "Ceramics", "Glass",
        "Cement", "Construction", "Builders", "Design", "Interiors", "Consulting", "Services",
        "Industries", "Manufacturing", "Agriculture", "Plantations", "Fisheries", "Beverages",
        "Software", "Networks", "Telecom", "Digital", "Data", "Security", "Education", "Academy",
        "Beauty", "Fashion", "Sports", "Toys", "Books", "Paper", "Chemistry", "Biotech", "Solar",
        "Water", "Environment", "Recycling", "Equipment", "Supplies",
    ],
];

const SINGAPORE: Vocabulary = Vocabulary {
    lang: "en",
    first: ENGLISH[0],
    second: ENGLISH[1],
    space: " ",
    forms: &[
        ("", "PTE. LTD.", "Private Company Limited by Shares"),
        ("", "PTE LTD", "Private Company Limited by Shares"),
        ("", "LLP", "Limited Liability Partnership"),
        ("", "LTD", "Public Company Limited by Shares"),
    ],
    cities: &["Singapore"],
    streets: &["Raffles Place", "Robinson Road", "Ubi Avenue", "Jurong Port Road", "Changi South Lane"],
};

const MALAY: [&[&str]; 2] = [
    &[
        "Maju", "Jaya", "Sinar", "Cahaya", "Mutiara", "Bintang", "Seri", "Harapan", "Cemerlang",
        "Gemilang", "Warisan", "Perdana", "Nusantara", "Bumi", "Samudera", "Melati", "Kenanga",
        "Cempaka", "Teratai", "Anggerik", "Rimba", "Gunung", "Sungai", "Pantai", "Selat", "Tanjung",
        "Pulau", "Indah", "Makmur", "Sejahtera", "Setia", "Bakti", "Usaha", "Karya", "Mega", "Suria",
        "Kencana", "Permata", "Intan", "Berlian", "Merpati", "Rajawali", "Helang", "Lautan", "Anugerah",
        "Rezeki", "Berkat", "Tunas", "Fajar", "Purnama",
    ],
    &[
        "Perniagaan", "Pembinaan", "Perladangan", "Perikanan", "Makanan", "Minuman", "Tekstil",
        "Perabot", "Elektronik", "Teknologi", "Logistik", "Pengangkutan", "Perkapalan", "Hartanah",
        "Kejuruteraan", "Percetakan", "Pelancongan", "Pendidikan", "Kesihatan", "Kimia", "Getah",
        "Sawit", "Kayu", "Besi", "Logam", "Plastik", "Pembungkusan", "Perhotelan", "Restoran",
        "Automotif", "Tenaga", "Solar", "Air", "Digital", "Media", "Perkhidmatan", "Industri",
        "Sumber", "Dagang", "Utama",
    ],
];

const MALAYSIA: Vocabulary = Vocabulary {
    lang: "ms",
    first: MALAY[0],
    second: MALAY[1],
    space: " ",
    forms: &[
        ("", "SDN. BHD.", "Sendirian Berhad"),
        ("", "SDN BHD", "Sendirian Berhad"),
        ("", "BERHAD", "Berhad"),
        ("", "PLT", "Perkongsian Liabiliti Terhad"),
    ],
    cities: &["Kuala Lumpur", "Johor Bahru", "Ipoh", "Kuching", "Melaka", "Kota Kinabalu"],
    streets: &["Jalan Ampang", "Jalan Tun Razak", "Jalan Merdeka", "Lorong Perak", "Jalan Pantai Baru"],
};

const INDONESIA: Vocabulary = Vocabulary {
    lang: "id",
    first: &[
        "Maju", "Sinar", "Cahaya", "Mutiara", "Bintang", "Harapan", "Cemerlang", "Nusantara", "Bumi",
        "Samudra", "Melati", "Cempaka", "Teratai", "Rimba", "Gunung", "Pantai", "Tanjung", "Indah",
        "Makmur", "Sejahtera", "Setia", "Bakti", "Karya", "Mega", "Surya", "Kencana", "Permata", "Intan",
        "Berlian", "Rajawali", "Garuda", "Elang", "Lautan", "Anugerah", "Rezeki", "Berkah", "Tunas",
        "Fajar", "Purnama", "Sumber", "Dharma", "Wijaya", "Putra", "Bina", "Citra", "Graha", "Indo",
        "Khatulistiwa", "Borneo", "Andalas",
    ],
    second: &[
        "Perdagangan", "Pembangunan", "Perkebunan", "Perikanan", "Makanan", "Minuman", "Tekstil",
        "Mebel", "Elektronik", "Teknologi", "Logistik", "Angkutan", "Pelayaran", "Properti", "Teknik",
        "Percetakan", "Pariwisata", "Pendidikan", "Kesehatan", "Kimia", "Karet", "Sawit", "Kayu", "Baja",
        "Logam", "Plastik", "Kemasan", "Perhotelan", "Otomotif", "Energi", "Surya", "Tirta", "Digital",
        "Media", "Jasa", "Industri", "Sentosa", "Abadi", "Lestari", "Utama",
    ],
    space: " ",
    forms: &[
        ("PT", "", "Perseroan Terbatas"),
        ("PT", "Tbk", "Perseroan Terbatas"),
        ("CV", "", "Persekutuan Komanditer"),
    ],
    cities: &["Jakarta", "Surabaya", "Bandung", "Medan", "Semarang", "Makassar", "Denpasar"],
    streets: &["Jalan Sudirman", "Jalan Thamrin", "Jalan Gatot Subroto", "Jalan Diponegoro"],
};

const BRUNEI: Vocabulary = Vocabulary {
    lang: "ms",
    first: MALAY[0],
    second: ENGLISH[1],
    space: " ",
    forms: &[("", "SDN BHD", "Private Company"), ("", "BHD", "Public Company")],
    cities: &["Bandar Seri Begawan", "Kuala Belait", "Seria", "Tutong"],
    streets: &["Jalan Gadong", "Jalan Tutong", "Jalan Pretty", "Jalan Kiulap"],
};

const PHILIPPINES: Vocabulary = Vocabulary {
    lang: "en",
    first: &[
        "Bayani", "Luzon", "Visayas", "Mindanao", "Manila", "Cebu", "Palawan", "Bicol", "Mabuhay",
        "Maharlika", "Sampaguita", "Narra", "Kalayaan", "Bagong", "Liwanag", "Tala", "Araw", "Buwan",
        "Perlas", "Ginto", "Pilak", "Kidlat", "Agila", "Tamaraw", "Mayon", "Pinatubo", "Taal", "Laguna",
        "Batangas", "Quezon", "Mabini", "Silangan", "Kanluran", "Hilaga", "Dagat", "Bundok", "Ilog",
        "Pacific", "Golden", "First", "United", "Metro", "Island", "Star", "Sunrise",
    ],
    second: ENGLISH[1],
    space: " ",
    forms: &[
        ("", "INC.", "Stock Corporation"),
        ("", "CORPORATION", "Stock Corporation"),
        ("", "CORP.", "Stock Corporation"),
        ("", "OPC", "One Person Corporation"),
    ],
    cities: &["Makati", "Quezon City", "Cebu City", "Davao", "Pasig", "Iloilo"],
    streets: &["Ayala Avenue", "Roxas Boulevard", "Ortigas Avenue", "Colon Street"],
};

const TIMOR: Vocabulary = Vocabulary {
    lang: "pt",
    first: &[
        "Timor", "Díli", "Lorosae", "Matebian", "Ramelau", "Tasi", "Foho", "Rai", "Loron", "Fulan",
        "Naroman", "Esperança", "Progresso", "União", "Nova", "Café", "Sândalo", "Crocodilo", "Ataúro",
        "Baucau", "Maubara", "Same", "Oecusse", "Viqueque", "Lospalos",
    ],
    second: &[
        "Comércio", "Construção", "Importação", "Exportação", "Serviços", "Engenharia", "Transportes",
        "Alimentação", "Bebidas", "Pescas", "Agricultura", "Turismo", "Tecnologia", "Energia",
        "Comunicações", "Saúde", "Educação", "Consultoria", "Indústria", "Madeiras",
    ],
    space: " ",
    forms: &[
        ("", "Lda.", "Sociedade por quotas"),
        ("", "Unipessoal Lda.", "Sociedade unipessoal por quotas"),
        ("", "S.A.", "Sociedade anónima"),
    ],
    cities: &["Díli", "Baucau", "Maliana", "Suai"],
    streets: &["Rua de Moçambique", "Avenida de Portugal", "Rua Jacinto Cândido"],
};

const VIETNAM: Vocabulary = Vocabulary {
    lang: "vi",
    first: &[
        "Thương mại", "Dịch vụ", "Xây dựng", "Sản xuất", "Đầu tư", "Vận tải", "Xuất nhập khẩu",
        "Công nghệ", "Thực phẩm", "Dệt may", "Cơ khí", "Điện tử", "Nông nghiệp", "Thủy sản", "Du lịch",
        "Bất động sản", "Nội thất", "Bao bì", "In ấn", "Viễn thông", "Năng lượng", "Môi trường",
        "Giáo dục", "Dược phẩm", "Thiết bị y tế", "Hóa chất", "Vật liệu xây dựng", "Gỗ", "Thép", "Nhựa",
        "Giày dép", "Ô tô", "Cà phê", "Chè", "Lúa gạo",
    ],
    second: &[
        "An Phát", "Hoàng Gia", "Thành Công", "Minh Đức", "Phú Quý", "Đại Việt", "Hưng Thịnh",
        "Tân Tiến", "Bình Minh", "Sao Mai", "Đông Á", "Nam Việt", "Bắc Hà", "Trường Sơn", "Cửu Long",
        "Hồng Hà", "Thăng Long", "Sông Hương", "Phương Đông", "Toàn Cầu", "Hòa Bình", "Kim Cương",
        "Ngọc Lan", "Hoa Sen", "Vạn Xuân", "Đất Việt", "Biển Xanh", "Rồng Vàng", "Ánh Dương", "Hải Âu",
        "Tín Nghĩa", "Gia Hưng", "Việt Thắng", "Quốc Tế", "Miền Trung", "Tây Nguyên", "Sài Gòn",
        "Hà Thành", "Đồng Tâm", "Phúc Lộc",
    ],
    space: " ",
    forms: &[
        ("Công ty TNHH", "", "Công ty trách nhiệm hữu hạn"),
        ("Công ty TNHH Một Thành Viên", "", "Công ty trách nhiệm hữu hạn một thành viên"),
        ("Công ty Cổ phần", "", "Công ty cổ phần"),
    ],
    cities: &["Hà Nội", "Thành phố Hồ Chí Minh", "Đà Nẵng", "Hải Phòng", "Cần Thơ", "Huế"],
    streets: &["Đường Nguyễn Huệ", "Đường Lê Lợi", "Phố Tràng Tiền", "Đường Trần Hưng Đạo"],
};

const THAILAND: Vocabulary = Vocabulary {
    lang: "th",
    first: &[
        "ทอง", "เงิน", "น้ำใส", "สยาม", "ไทย", "เจริญ", "รุ่งเรือง", "มั่นคง", "พัฒนา", "สุข", "ชัย", "ศรี", "แสง", "ดาว",
        "ตะวัน", "จันทร์", "ภูเขา", "ทะเล", "แม่น้ำ", "ป่าไม้", "ดอกบัว", "กล้วยไม้", "มะลิ", "ช้าง", "สิงห์", "มังกร", "นกยูง",
        "เพชร", "มรกต", "ไพลิน", "มุก", "บูรพา", "ทักษิณ", "อุดม", "อีสาน", "ล้านนา", "อยุธยา", "กรุงเทพ", "เชียงใหม่", "ภูเก็ต",
        "สหมิตร", "ร่วมใจ", "ก้าวหน้า", "ทวีผล", "โชค", "ลาภ", "วิไล", "อนันต์", "นคร", "ราช",
    ],
    second: &[
        "การค้า", "ก่อสร้าง", "ขนส่ง", "อาหาร", "เครื่องดื่ม", "สิ่งทอ", "อิเล็กทรอนิกส์", "เทคโนโลยี", "พลาสติก", "เหล็ก",
        "ยางพารา", "เกษตร", "ประมง", "อสังหาริมทรัพย์", "โรงแรม", "ท่องเที่ยว", "การแพทย์", "เภสัช", "เคมี", "เฟอร์นิเจอร์",
        "บรรจุภัณฑ์", "การพิมพ์", "พลังงาน", "วิศวกรรม", "บริการ", "อุตสาหกรรม", "นำเข้าส่งออก", "เครื่องจักร", "ยานยนต์",
        "สื่อสาร", "การศึกษา", "ความงาม", "กีฬา", "กระดาษ", "แก้ว", "ซีเมนต์", "น้ำตาล", "ข้าวไทย", "ผลไม้", "อาหารทะเล",
    ],
    space: "",
    forms: &[
        ("บริษัท", "จำกัด", "บริษัทจำกัด"),
        ("ห้างหุ้นส่วนจำกัด", "", "ห้างหุ้นส่วนจำกัด"),
        ("บริษัท", "จำกัด (มหาชน)", "บริษัทมหาชนจำกัด"),
    ],
    cities: &["กรุงเทพมหานคร", "เชียงใหม่", "ขอนแก่น", "ภูเก็ต", "ชลบุรี", "นครราชสีมา"],
    streets: &["ถนนสุขุมวิท", "ถนนพหลโยธิน", "ถนนสีลม", "ถนนเพชรเกษม"],
};

const LAOS: Vocabulary = Vocabulary {
    lang: "lo",
    first: &[
        "ລາວ", "ວຽງຈັນ", "ຫຼວງພະບາງ", "ສະຫວັນ", "ຈຳປາສັກ", "ຈຳປາ", "ແມ່ຂອງ", "ທອງ", "ເງິນ", "ດາວ", "ຕາເວັນ", "ພູ",
        "ນ້ຳ", "ປ່າໄມ້", "ດອກບົວ", "ຊ້າງ", "ສີ", "ຈະເລີນ", "ພັດທະນາ", "ສາມັກຄີ", "ໂຊກ", "ມັງກອນ", "ແກ້ວ", "ໄຊ", "ສຸກ",
        "ໃໝ່", "ນະຄອນ", "ລ້ານຊ້າງ", "ບໍລິສັດໃຈ", "ກ້າວໜ້າ",
    ],
    second: &[
        "ການຄ້າ", "ກໍ່ສ້າງ", "ຂົນສົ່ງ", "ອາຫານ", "ເຄື່ອງດື່ມ", "ແຜ່ນແພ", "ເຕັກໂນໂລຊີ", "ກະສິກຳ", "ໄຟຟ້າ", "ບໍ່ແຮ່", "ທ່ອງທ່ຽວ",
        "ໂຮງແຮມ", "ການແພດ", "ການສຶກສາ", "ເຟີນິເຈີ", "ການພິມ", "ພະລັງງານ", "ບໍລິການ", "ອຸດສາຫະກຳ", "ນຳເຂົ້າສົ່ງອອກ", "ກາເຟ", "ເຂົ້າ",
        "ຢາງພາລາ", "ໄມ້", "ສື່ສານ",
    ],
    space: "",
    forms: &[
        ("ບໍລິສັດ", "ຈຳກັດ", "ບໍລິສັດຈຳກັດ"),
        ("ບໍລິສັດ", "ຈຳກັດຜູ້ດຽວ", "ບໍລິສັດຈຳກັດຜູ້ດຽວ"),
    ],
    cities: &["ວຽງຈັນ", "ຫຼວງພະບາງ", "ປາກເຊ", "ສະຫວັນນະເຂດ"],
    streets: &["ຖະໜົນລ້ານຊ້າງ", "ຖະໜົນສາມແສນໄທ", "ຖະໜົນເສດຖາທິລາດ"],
};

const CAMBODIA: Vocabulary = Vocabulary {
    lang: "km",
    first: &[
        "អង្គរ", "មេគង្គ", "ភ្នំពេញ", "សៀមរាប", "បាត់ដំបង", "កំពត", "មាស", "ប្រាក់", "ផ្កាយ", "ព្រះអាទិត្យ", "ភ្នំ", "ទន្លេ",
        "សមុទ្រ", "ព្រៃ", "ផ្កាឈូក", "រំដួល", "ដំរី", "នាគ", "ហង្ស", "ពេជ្រ", "មរកត", "សុខ", "ជោគជ័យ", "រុងរឿង", "អភិវឌ្ឍន៍",
        "ខ្មែរ", "កម្ពុជា", "បូព៌ា", "ថ្មី", "សាមគ្គី",
    ],
    second: &[
        "ពាណិជ្ជកម្ម", "សំណង់", "ដឹកជញ្ជូន", "អាហារ", "ភេសជ្ជៈ", "វាយនភណ្ឌ", "អេឡិចត្រូនិក", "បច្ចេកវិទ្យា", "កសិកម្ម", "នេសាទ",
        "អចលនទ្រព្យ", "សណ្ឋាគារ", "ទេសចរណ៍", "វេជ្ជសាស្ត្រ", "ឱសថ", "គីមី", "គ្រឿងសង្ហារឹម", "បោះពុម្ព", "ថាមពល", "វិស្វកម្ម",
        "សេវាកម្ម", "ឧស្សាហកម្ម", "នាំចេញនាំចូល", "អង្ករ", "កៅស៊ូ",
    ],
    space: " ",
    forms: &[
        ("ក្រុមហ៊ុន", "ឯ.ក", "ក្រុមហ៊ុនឯកជនទទួលខុសត្រូវមានកម្រិត"),
        ("ក្រុមហ៊ុន", "ម.ក", "ក្រុមហ៊ុនមហាជនទទួលខុសត្រូវមានកម្រិត"),
    ],
    cities: &["ភ្នំពេញ", "សៀមរាប", "បាត់ដំបង", "ព្រះសីហនុ"],
    streets: &["មហាវិថីនរោត្តម", "មហាវិថីមុនីវង្ស", "ផ្លូវជាតិលេខ ៦"],
};

const MYANMAR: Vocabulary = Vocabulary {
    lang: "my",
    first: &[
        "မြန်မာ", "ရန်ကုန်", "မန္တလေး", "ပုဂံ", "ရွှေ", "ငွေ", "ကြယ်", "နေ", "လ", "တောင်", "မြစ်", "ပင်လယ်", "သစ်တော",
        "ကြာပန်း", "စံပယ်", "ဆင်", "ခြင်္သေ့", "နဂါး", "စိန်", "မြ", "ပတ္တမြား", "အောင်", "ချမ်းသာ", "တိုးတက်", "ညီညွတ်",
        "အရှေ့", "ဧရာဝတီ", "ကမ္ဘာ", "သစ်", "မင်္ဂလာ",
    ],
    second: &[
        "ကုန်သွယ်ရေး", "ဆောက်လုပ်ရေး", "သယ်ယူပို့ဆောင်ရေး", "အစားအသောက်", "အထည်ချုပ်", "အီလက်ထရောနစ်", "နည်းပညာ",
        "စိုက်ပျိုးရေး", "ငါးလုပ်ငန်း", "ဟိုတယ်", "ခရီးသွား", "ဆေးဝါး", "ပညာရေး", "ပရိဘောဂ", "ပုံနှိပ်", "စွမ်းအင်", "အင်ဂျင်နီယာ",
        "ဝန်ဆောင်မှု", "စက်မှု", "သွင်းကုန်ပို့ကုန်", "ဆန်စပါး", "ရာဘာ", "သစ်ထုတ်လုပ်ရေး", "ဆက်သွယ်ရေး", "ဘိလပ်မြေ",
    ],
    space: " ",
    forms: &[
        ("", "ကုမ္ပဏီလီမိတက်", "အစုရှယ်ယာအားဖြင့်တာဝန်ကန့်သတ်ထားသောအများနှင့်မသက်ဆိုင်သည့်ကုမ္ပဏီ"),
        ("", "အများနှင့်သက်ဆိုင်သောကုမ္ပဏီလီမိတက်", "အများနှင့်သက်ဆိုင်သောကုမ္ပဏီ"),
    ],
    cities: &["ရန်ကုန်", "မန္တလေး", "နေပြည်တော်", "မော်လမြိုင်"],
    streets: &["ဗိုလ်ချုပ်လမ်း", "ပြည်လမ်း", "အနော်ရထာလမ်း"],
};

/// The vocabulary of a state; that of Singapore for others.
pub(super) fn of(cc: &str) -> &'static Vocabulary {
    match cc {
        "MY" => &MALAYSIA,
        "ID" => &INDONESIA,
        "BN" => &BRUNEI,
        "PH" => &PHILIPPINES,
        "TL" => &TIMOR,
        "VN" => &VIETNAM,
        "TH" => &THAILAND,
        "LA" => &LAOS,
        "KH" => &CAMBODIA,
        "MM" => &MYANMAR,
        _ => &SINGAPORE,
    }
}
